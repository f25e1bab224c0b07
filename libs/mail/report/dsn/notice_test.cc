#include "libs/mail/report/dsn/notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::mail::report::dsn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Notice Example() {
  return {.reporting_host = "gateway.example.org",
          .to = "ann@example.org",
          .arrived = absl::FromUnixSeconds(1'700'000'000),
          .now = absl::FromUnixSeconds(1'700'000'600),
          .id = "0192f3a0-0000-7000-8000-000000000001",
          .recipients = {{.address = "bob@example.net",
                          .status = "5.1.1",
                          .diagnostic = "550 5.1.1 No such user",
                          .remote = "mx.example.net"}},
          .original = "Subject: hello\r\nX-Long: a\r\n b\r\n"};
}

// RFC 3464 §2, RFC 6522
TEST(DeliveryNotice, HasThreePartsWithTheStandardsFields) {
  const std::string notice = MakeNotice(Example());
  EXPECT_THAT(
      notice,
      HasSubstr("Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="));
  EXPECT_THAT(notice, HasSubstr("\r\nReporting-MTA: dns; gateway.example.org\r\n"));
  EXPECT_THAT(notice, HasSubstr("\r\nFinal-Recipient: rfc822; bob@example.net\r\nAction: "
                                "failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\n"
                                "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"));
  EXPECT_THAT(
      notice,
      HasSubstr("Content-Type: text/rfc822-headers\r\n\r\nSubject: hello\r\nX-Long: a\r\n b\r\n"));
  EXPECT_THAT(notice, HasSubstr("\r\nDate: Tue, 14 Nov 2023 22:23:20 +0000\r\n"));
}

TEST(DeliveryNotice, T_A12_HostileTextCannotForgeLinesOrParts) {
  Notice failure = Example();
  failure.recipients[0].diagnostic = "550 no\r\nAction: delivered\r\n\r\n--x";
  failure.recipients[0].address = "bob@example.net\r\nBcc: eve@example.net";
  failure.original =
      "Subject: a\r\n--=_0192f3a0-0000-7000-8000-000000000001_0\r\nContent-Type: "
      "text/html\r\n\r\n<script>";
  failure.envelope_id = "x\r\nBcc: eve@example.net";
  failure.recipients[0].original = "rfc822;x\r\nBcc: eve@example.net";
  const std::string notice = MakeNotice(failure);
  EXPECT_THAT(notice, Not(HasSubstr("\r\nAction: delivered")));
  EXPECT_THAT(notice, Not(HasSubstr("\r\nBcc:")));
  EXPECT_THAT(notice, Not(HasSubstr("<script>"))) << "only the header is quoted";
  EXPECT_THAT(notice, HasSubstr("boundary=\"=_0192f3a0-0000-7000-8000-000000000001_1\""))
      << "a quoted boundary is no boundary";
}

TEST(DeliveryNotice, IsPlainAsciiInLinesOfLawfulLength) {
  Notice failure = Example();
  failure.recipients[0].diagnostic = std::string(5000, 'x') + "\xff\xfe Grüße";
  failure.original = "Subject: Grüße\r\nX: " + std::string(5000, 'y') + "\r\n";
  const std::string notice = MakeNotice(failure);
  size_t line = 0;
  for (size_t i = 0; i < notice.size(); ++i) {
    EXPECT_LT(static_cast<unsigned char>(notice[i]), 0x80);
    if (notice[i] == '\n') {
      EXPECT_EQ(notice[i - 1], '\r');
      line = 0;
    } else {
      EXPECT_LE(++line, 999u);
    }
  }
}

// RFC 3461 §4.3, §4.4, §4.2
TEST(DeliveryNotice, GivesBackWhatTheSenderNamedAndTheWholeMessageWhereHeAsked) {
  Notice notice = Example();
  notice.envelope_id = "QQ314159";
  notice.recipients[0].original = "rfc822;robert@example.net";
  notice.original = "Subject: hello\r\n\r\nGrüße\r\n";
  notice.return_all = true;
  const std::string text = MakeNotice(notice);
  EXPECT_THAT(text, HasSubstr("\r\n\r\nOriginal-Envelope-Id: QQ314159\r\nReporting-MTA: dns;"));
  EXPECT_THAT(text, HasSubstr("\r\n\r\nOriginal-Recipient: rfc822;robert@example.net\r\nFinal-"));
  EXPECT_THAT(text, HasSubstr("Content-Type: message/rfc822\r\nContent-Transfer-Encoding: "
                              "8bit\r\n\r\nSubject: hello\r\n\r\nGrüße\r\n--=_"));
}

TEST(DeliveryNotice, ReturnsOnlyTheHeaderWhenNobodyFailed) {
  Notice notice = Example();
  notice.return_all = true;
  notice.retry_until = notice.now + absl::Hours(24);
  notice.recipients[0].action = Action::kDelayed;
  notice.recipients.push_back(
      {.action = Action::kRelayed, .address = "c@example.net", .status = "2.0.0"});
  const std::string text = MakeNotice(notice);
  EXPECT_THAT(text, HasSubstr("\r\nSubject: Delayed mail, still being tried\r\n"));
  EXPECT_THAT(text, HasSubstr("Action: delayed"));
  EXPECT_THAT(text, HasSubstr("Will-Retry-Until: Wed, 15 Nov 2023 22:23:20 +0000\r\n"));
  EXPECT_THAT(text, HasSubstr("Action: relayed\r\nStatus: 2.0.0\r\n"));
  EXPECT_THAT(text, HasSubstr("Content-Type: text/rfc822-headers\r\n"));
  EXPECT_THAT(text, Not(HasSubstr("message/rfc822")));
}

}  // namespace
}  // namespace cleanmail::mail::report::dsn
