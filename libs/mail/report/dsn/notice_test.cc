#include "libs/mail/report/dsn/notice.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::mail::report::dsn {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Failure Example() {
  return {.reporting_host = "gateway.example.org",
          .to = "ann@example.org",
          .arrived = absl::FromUnixSeconds(1'700'000'000),
          .now = absl::FromUnixSeconds(1'700'000'600),
          .id = "0192f3a0-0000-7000-8000-000000000001",
          .recipients = {{.address = "bob@example.net",
                          .status = "5.1.1",
                          .diagnostic = "550 5.1.1 No such user",
                          .remote = "mx.example.net"}},
          .original_headers = "Subject: hello\r\nX-Long: a\r\n b\r\n"};
}

// RFC 3464 §2, RFC 6522
TEST(FailureNotice, HasThreePartsWithTheStandardsFields) {
  const std::string notice = MakeFailureNotice(Example());
  EXPECT_THAT(notice,
              HasSubstr("Content-Type: multipart/report; report-type=delivery-status; boundary="));
  EXPECT_THAT(notice, HasSubstr("\r\nReporting-MTA: dns; gateway.example.org\r\n"));
  EXPECT_THAT(notice, HasSubstr("\r\nFinal-Recipient: rfc822; bob@example.net\r\nAction: "
                                "failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mx.example.net\r\n"
                                "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n"));
  EXPECT_THAT(
      notice,
      HasSubstr("Content-Type: text/rfc822-headers\r\n\r\nSubject: hello\r\nX-Long: a\r\n b\r\n"));
  EXPECT_THAT(notice, HasSubstr("\r\nDate: Tue, 14 Nov 2023 22:23:20 +0000\r\n"));
}

TEST(FailureNotice, T_A12_HostileTextCannotForgeLinesOrParts) {
  Failure failure = Example();
  failure.recipients[0].diagnostic = "550 no\r\nAction: delivered\r\n\r\n--x";
  failure.recipients[0].address = "bob@example.net\r\nBcc: eve@example.net";
  failure.original_headers =
      "Subject: a\r\n\r\n--notice-0192f3a0-0000-7000-8000-000000000001\r\nContent-Type: "
      "text/html\r\n\r\n<script>\0";
  const std::string notice = MakeFailureNotice(failure);
  EXPECT_THAT(notice, Not(HasSubstr("\r\nAction: delivered")));
  EXPECT_THAT(notice, Not(HasSubstr("\r\nBcc:")));
  EXPECT_THAT(notice, HasSubstr("\r\n --notice-0192f3a0")) << "a quoted boundary is no boundary";
}

TEST(FailureNotice, IsPlainAsciiInLinesOfLawfulLength) {
  Failure failure = Example();
  failure.recipients[0].diagnostic = std::string(5000, 'x') + "\xff\xfe Grüße";
  failure.original_headers = "Subject: Grüße\r\nX: " + std::string(5000, 'y') + "\r\n";
  const std::string notice = MakeFailureNotice(failure);
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

}  // namespace
}  // namespace cleanmail::mail::report::dsn
