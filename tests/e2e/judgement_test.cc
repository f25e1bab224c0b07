// What a message is said to be, and what then happens to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string Newsletter(std::string_view subject) {
  return base::Cat("From: Shop <news@shop.example>\r\nTo: ann@example.org\r\nSubject: ", subject,
                   "\r\nMessage-ID: <1@shop.example>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n"
                   "List-Unsubscribe: <https://shop.example/u?1>\r\n"
                   "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nOffers\r\n");
}

std::string From(std::string_view from) {
  return base::Cat("From: ", from, "\r\nTo: ann@example.org\r\nSubject: Payment today\r\n",
                   "Message-ID: <2@x.example>\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n",
                   "Please pay.\r\n");
}

class JudgementTest : public ::testing::Test {
 protected:
  JudgementTest() {
    gateway_.AddTenant("acme");
    gateway_.AddDomain("acme", "example.org");
  }
  Gateway gateway_;
};

TEST_F(JudgementTest, C4_ANewsletterArrivesWithItsTagOnce) {
  const auto ids = gateway_.Accept({"ann@example.org"}, Newsletter("=?utf-8?q?Fr=C3=BChling?="));
  gateway_.Accept({"ann@example.org"}, Newsletter("[PUB] Spring"));
  ASSERT_TRUE(gateway_.sink().WaitFor(2, absl::Seconds(30)));
  std::string all;
  for (const auto& mail : gateway_.sink().Mails()) all += mail.content;
  EXPECT_THAT(all, HasSubstr("Subject: [PUB] =?utf-8?q?Fr=C3=BChling?="));
  EXPECT_THAT(all, HasSubstr("Subject: [PUB] Spring\r\n"));
  EXPECT_THAT(all, Not(HasSubstr("[PUB] [PUB]")));
  gateway_.WaitFor(ids[0], "delivered");
  EXPECT_THAT(gateway_.Details(ids[0]), HasSubstr("Category newsletter"));
  EXPECT_THAT(gateway_.Details(ids[0]), HasSubstr("its subject gets the tag [PUB]"));
}

TEST_F(JudgementTest, F8_TheMailLogNamesTheCategory) {
  const auto ids = gateway_.Accept({"ann@example.org"}, Newsletter("Spring"));
  gateway_.WaitFor(ids[0], "delivered");
  EXPECT_THAT(gateway_.MailLog(), Contains(HasSubstr("\"category\":\"newsletter\"")));
}

TEST_F(JudgementTest, E4_AProtectedNameFromOutsideIsHeldWhereThatIsAsked) {
  const std::string mail = From("Hanna Muster <office@mail.example>");
  gateway_.Accept({"ann@example.org"}, mail);
  ASSERT_TRUE(gateway_.sink().WaitFor(1, absl::Seconds(30))) << "nobody asked";
  EXPECT_THAT(gateway_.Holds(), IsEmpty());
  gateway_.Protect("acme", "Hanna Muster");
  const auto ids = gateway_.Accept({"ann@example.org"}, mail);
  gateway_.WaitFor(ids[0], "held");
  gateway_.WaitFor(ids[0], "scanned");  // news of several rooms come in any order
  EXPECT_THAT(gateway_.Details(ids[0]), HasSubstr("PROTECTED_NAME"));
  EXPECT_THAT(gateway_.Details(ids[0]), HasSubstr("Category phishing"));
}

TEST_F(JudgementTest, E4_ALookAlikeOfTheOwnDomainIsHeld) {
  gateway_.Protect("acme", "Hanna Muster");
  const auto ids = gateway_.Accept({"ann@example.org"}, From("Office <office@exampie.org>"));
  gateway_.WaitFor(ids[0], "held");
  gateway_.WaitFor(ids[0], "scanned");  // news of several rooms come in any order
  EXPECT_THAT(gateway_.Details(ids[0]), HasSubstr("exampie.org resembles example.org"));
}

}  // namespace
}  // namespace cleanmail::e2e
