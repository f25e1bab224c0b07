#include "libs/dns/ask_all.h"

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/dns/fake_resolver.h"

namespace cleanmail::dns {
namespace {

using Answers = std::vector<absl::StatusOr<Answer>>;

Answers Ask(Resolver& resolver, const std::vector<Question>& questions) {
  Answers answers;
  absl::Notification done;
  AskAll(resolver, questions, absl::Now() + absl::Milliseconds(200), [&](Answers all) {
    answers = std::move(all);
    done.Notify();
  });
  done.WaitForNotification();
  return answers;
}

TEST(AskAll, GivesTheAnswersInTheOrderOfTheQuestionsWhoeverIsLate) {
  FakeResolver resolver;
  resolver.SetA("a.example", {"192.0.2.1"});
  resolver.Hang("slow.example");
  const Answers answers =
      Ask(resolver, {{.name = "slow.example"}, {.name = "a.example"}, {.name = "none.example"}});
  ASSERT_EQ(answers.size(), 3u);
  EXPECT_TRUE(absl::IsUnavailable(answers[0].status()));
  ASSERT_TRUE(answers[1].ok());
  EXPECT_EQ(answers[1]->addresses, std::vector<std::string>{"192.0.2.1"});
  EXPECT_TRUE(absl::IsNotFound(answers[2].status()));
}

TEST(AskAll, WithoutQuestionsAnswersAtOnce) {
  FakeResolver resolver;
  EXPECT_TRUE(Ask(resolver, {}).empty());
}

}  // namespace
}  // namespace cleanmail::dns
