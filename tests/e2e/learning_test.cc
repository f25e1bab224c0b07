// Spam and ham that an administrator teaches, and what becomes of mail like it.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <span>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/cli/cli.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr int kLessons = 200;

constexpr const char* kSpamWords[] = {"miracle",   "pills",    "cheapest", "casino",    "jackpot",
                                      "refinance", "enlarge",  "replica",  "watches",   "lottery",
                                      "winner",    "claim",    "prize",    "urgent",    "transfer",
                                      "million",   "deceased", "banker",   "discreet",  "shipping",
                                      "crypto",    "doubling", "returns",  "guaranteed"};
constexpr const char* kHamWords[] = {
    "meeting", "minutes",  "invoice", "project", "schedule",  "review",    "draft",   "budget",
    "attend",  "workshop", "printer", "holiday", "rota",      "delivery",  "pallets", "warehouse",
    "signed",  "contract", "kitchen", "canteen", "colleague", "timetable", "train",   "conference"};
constexpr const char* kCommonWords[] = {"the",  "and",  "with", "your", "please", "today", "for",
                                        "we",   "have", "this", "from", "about",  "next",  "week",
                                        "will", "can",  "be",   "more", "all",    "time"};

// A mail of words drawn by chance; the same number gives the same mail.
std::string MailOf(std::span<const char* const> words, int number) {
  std::mt19937 random(static_cast<unsigned>(number));
  std::string text;
  for (int i = 0; i < 30; ++i) {
    text += words[random() % words.size()];
    text += i % 8 == 7 ? ".\r\n" : " ";
    text += kCommonWords[random() % std::size(kCommonWords)];
    text += ' ';
  }
  const std::string subject = base::Cat(words[random() % words.size()], " ", number);
  return base::Cat("From: Eve <eve@example.net>\r\nTo: <ann@example.org>\r\nSubject: ", subject,
                   "\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMessage-ID: <", number,
                   "@example.net>\r\n\r\n", text, "\r\n");
}

std::string Spam(int number) { return MailOf(kSpamWords, number); }
std::string Ham(int number) { return MailOf(kHamWords, 100'000 + number); }

class Learning : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = base::Cat(std::getenv("TEST_TMPDIR"), "/learning");
    std::filesystem::create_directories(folder_ + "/spam");
    for (int i = 0; i < kLessons; ++i)
      std::ofstream(base::Cat(folder_, "/spam/", i, ".eml")) << Spam(i);
    std::ofstream mailbox(folder_ + "/ham.mbox");
    for (int i = 0; i < kLessons; ++i)
      mailbox << "From eve@example.net Sun Nov 22 10:00:00 2026\n" << Ham(i) << "\n";
    gateway_ = std::make_unique<Gateway>();
    gateway_->AddTenant("acme");
    gateway_->AddDomain("acme", "example.org");
    gateway_->AddTenant("other");
    gateway_->AddDomain("other", "example.com");
  }
  static void TearDownTestSuite() { gateway_.reset(); }

  // What a command prints; it must end with `expected`.
  static std::string Run(std::vector<std::string> words, int expected = 0) {
    words.insert(words.begin(), "cleanmail");
    words.insert(words.end(), {"--socket", gateway_->api_socket()});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    ::testing::internal::CaptureStdout();
    if (expected != 0) ::testing::internal::CaptureStderr();
    const int code = cli::Run(static_cast<int>(arguments.size()), arguments.data());
    std::string printed = ::testing::internal::GetCapturedStdout();
    if (expected != 0) printed += ::testing::internal::GetCapturedStderr();
    EXPECT_EQ(code, expected) << printed;
    return printed;
  }
  static void WaitUntilJudged(const std::string& tenant, bool judged) {
    Gateway::WaitUntil(
        [&] {
          const std::string status = Run({"learn", "status", "--tenant", tenant});
          return (status.find("mail is judged by it") != std::string::npos) == judged;
        },
        "classifiers are made");
  }
  // What the scanner finds in a mail to somebody.
  static std::string Findings(const std::string& recipient, const std::string& mail) {
    const std::string id = gateway_->Accept({recipient}, mail)[0];
    gateway_->WaitFor(id, "scanned");
    return gateway_->Details(id);
  }

  static std::string folder_;
  static std::unique_ptr<Gateway> gateway_;
};
std::string Learning::folder_;
std::unique_ptr<Gateway> Learning::gateway_;

TEST_F(Learning, WhatATenantIsTaughtIsFoundInItsMailOnlyAndKeptAndForgotten) {
  const int fresh = 5000;
  EXPECT_THAT(Findings("ann@example.org", Spam(fresh)), Not(HasSubstr("LEARNED_")));

  EXPECT_THAT(Run({"learn", "spam", "--tenant", "acme", folder_ + "/spam"}),
              HasSubstr("200 learnt, 0 learnt as the other kind before, 0 known"));
  EXPECT_THAT(Run({"learn", "ham", "--tenant", "acme", folder_ + "/ham.mbox"}),
              HasSubstr("200 spam and 200 ham remembered"));
  WaitUntilJudged("acme", true);
  const std::string spam = Findings("ann@example.org", Spam(fresh + 1));
  EXPECT_THAT(spam, HasSubstr("LEARNED_SPAM_")) << spam;
  const std::string ham = Findings("ann@example.org", Ham(fresh + 2));
  EXPECT_THAT(ham, Not(HasSubstr("LEARNED_SPAM_"))) << ham;
  EXPECT_THAT(ham, HasSubstr("LEARNED_HAM_")) << ham;

  // Nobody else's mail is judged by it.
  EXPECT_THAT(Findings("ann@example.com", Spam(fresh + 3)), Not(HasSubstr("LEARNED_")));
  EXPECT_THAT(Run({"learn", "status", "--tenant", "other"}), HasSubstr("0 spam and 0 ham"));

  gateway_->Restart();
  WaitUntilJudged("acme", true);
  EXPECT_THAT(Findings("ann@example.org", Spam(fresh + 4)), HasSubstr("LEARNED_SPAM_"));

  // Twice is once; a mail that was learnt wrongly is learnt anew.
  EXPECT_THAT(Run({"learn", "spam", "--tenant", "acme", folder_ + "/spam"}),
              HasSubstr("0 learnt, 0 learnt as the other kind before, 200 known"));
  EXPECT_THAT(Run({"learn", "ham", "--tenant", "acme", folder_ + "/spam/7.eml"}),
              HasSubstr("0 learnt, 1 learnt as the other kind before, 0 known"));

  EXPECT_THAT(Run({"learn", "forget", "--tenant", "acme", folder_ + "/spam"}),
              HasSubstr("200 forgotten, 0 were not known"));
  WaitUntilJudged("acme", false);
  EXPECT_THAT(Findings("ann@example.org", Spam(fresh + 5)), Not(HasSubstr("LEARNED_")));
}

TEST_F(Learning, WhatAllShareIsFoundInEverybodysMailUntilItIsReset) {
  Run({"learn", "spam", folder_ + "/spam"});
  Run({"learn", "ham", folder_ + "/ham.mbox"});
  WaitUntilJudged("-", true);
  EXPECT_THAT(Findings("ann@example.com", Spam(6001)), HasSubstr("LEARNED_SPAM_"));
  EXPECT_THAT(Findings("ann@example.com", Ham(6002)), HasSubstr("LEARNED_HAM_"));
  EXPECT_THAT(Run({"learn", "reset"}), HasSubstr("0 spam and 0 ham"));
  WaitUntilJudged("-", false);
  EXPECT_THAT(Findings("ann@example.com", Spam(6003)), Not(HasSubstr("LEARNED_")));
}

TEST_F(Learning, WhatIsReleasedOfTheMailHeldAsSpamIsHam) {
  const std::string gtube = base::Cat(
      "From: a@b.example\r\nSubject: Figures\r\n\r\nOur miracle figures, please claim.\r\n",
      "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n");
  const std::string id = gateway_->Accept({"ann@example.com"}, gtube)[0];
  gateway_->WaitFor(id, "held");
  EXPECT_THAT(Run({"learn", "status", "--tenant", "other"}), HasSubstr("0 spam and 0 ham"));
  ASSERT_TRUE(gateway_->Release(id).ok());
  Gateway::WaitUntil(
      [] {
        return Run({"learn", "status", "--tenant", "other"}).find("0 spam and 1 ham") !=
               std::string::npos;
      },
      "the release is learnt");
}

TEST_F(Learning, OfATenantThatIsNotThereNothingIsLearnt) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"learn", "spam", "--tenant", "acne", folder_ + "/spam"},
        {"learn", "status", "--tenant", "acne"},
        {"learn", "reset", "--tenant", "acne"}})
    EXPECT_THAT(Run(words, 1), HasSubstr("there is no tenant 'acne'"));
}

}  // namespace
}  // namespace cleanmail::e2e
