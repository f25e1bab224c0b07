#include "libs/mail/report/dsn/notice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "libs/mail/mime/header_block.h"
#include "libs/mail/mime/structure.h"

namespace cleanmail::mail::report::dsn {
namespace {

NoticeFacts Facts(std::string_view original) {
  return {.host_name = "mx.example.org",
          .id = "0190-1",
          .to = "sender@client.example",
          .message_id = "0190-0",
          .arrived = absl::FromUnixSeconds(1700000000),
          .now = absl::FromUnixSeconds(1700003600),
          .recipients = {{.address = "bob@example.org", .reply = {550, "5.1.1", "No such user"}, .remote_host = "mail.example.org"}},
          .original = original};
}

constexpr std::string_view kOriginal = "From: sender@client.example\r\nSubject: secret plans\r\n folded\r\n\r\nthe secret body\r\n";

TEST(WriteNotice, IsAReportOfThreeParts) {
  const std::string notice = WriteNotice(Facts(kOriginal));
  const auto header = mime::HeaderBlock::Parse(notice);
  EXPECT_TRUE(header->Find("Content-Type")->value().starts_with("multipart/report; report-type=delivery-status; boundary="));
  EXPECT_EQ(header->Find("To")->value(), "<sender@client.example>");
  EXPECT_EQ(header->Find("Auto-Submitted")->value(), "auto-replied");
  EXPECT_EQ(header->Find("Date")->value(), "Tue, 14 Nov 2023 23:13:20 +0000");
  const mime::Structure structure = mime::Inspect(notice);
  EXPECT_EQ(structure.parts, 3u);
  EXPECT_FALSE(structure.unclosed);
  EXPECT_NE(notice.find("Reporting-MTA: dns; mx.example.org\r\nArrival-Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n\r\n"
                        "Final-Recipient: rfc822; bob@example.org\r\nAction: failed\r\nStatus: 5.1.1\r\nRemote-MTA: dns; mail.example.org\r\n"
                        "Diagnostic-Code: smtp; 550 5.1.1 No such user\r\n\r\n"),
            std::string::npos)
      << notice;
}

TEST(WriteNotice, SendsBackTheOriginalHeaderAndNothingOfTheBody) {
  const std::string notice = WriteNotice(Facts(kOriginal));
  EXPECT_NE(notice.find("text/rfc822-headers\r\nContent-Transfer-Encoding: 7bit\r\n\r\n"
                        "From: sender@client.example\r\nSubject: secret plans\r\n folded\r\n--"),
            std::string::npos);
  EXPECT_EQ(notice.find("the secret body"), std::string::npos);
}

TEST(WriteNotice, T_A12_HostileTextAddsNothing) {
  NoticeFacts facts = Facts("Subject: x\r\nno field --=_0190-1_0\r\n\r\n--=_0190-1_0\r\n");
  facts.recipients[0].reply.text = "no\r\n\r\n--=_0190-1_0\r\nContent-Type: text/html\r\n\r\n<script>\x1b[31m";
  facts.recipients[0].remote_host = "evil\r\nBcc: all@example.org";
  facts.recipients[0].address = "bob\r\nX: y@example.org";
  const std::string notice = WriteNotice(facts);
  EXPECT_EQ(mime::Inspect(notice).parts, 3u) << notice;
  EXPECT_EQ(notice.find("\r\nBcc:"), std::string::npos);
  EXPECT_EQ(notice.find("\r\nX: y"), std::string::npos);
  EXPECT_EQ(notice.find('\x1b'), std::string::npos);
  for (size_t at = notice.find('\n'); at != std::string::npos; at = notice.find('\n', at + 1)) EXPECT_EQ(notice[at - 1], '\r');
}

TEST(WriteNotice, AnAddressedHeaderCannotSmuggleFields) {
  NoticeFacts facts = Facts(kOriginal);
  facts.to = "a@b>\r\nBcc: <c@d";
  EXPECT_EQ(mime::HeaderBlock::Parse(WriteNotice(facts))->Find("Bcc"), nullptr);
}

TEST(WriteNotice, GivesAStatusOfTheClassWhenTheServerGaveNone) {
  NoticeFacts facts = Facts(kOriginal);
  facts.recipients[0].reply = {554, "", "no"};
  EXPECT_NE(WriteNotice(facts).find("Status: 5.0.0"), std::string::npos);
  facts.recipients[0].action = Action::kDelayed;
  facts.recipients[0].reply = {450, "", "busy"};
  const std::string notice = WriteNotice(facts);
  EXPECT_NE(notice.find("Action: delayed\r\nStatus: 4.0.0"), std::string::npos);
  EXPECT_NE(notice.find("Subject: Delayed mail"), std::string::npos);
}

TEST(WriteNotice, Rfc6533_KnowsAddressesBeyondAscii) {
  NoticeFacts facts = Facts("Subject: grüße\r\n\r\n");
  EXPECT_FALSE(NeedsSmtpUtf8(facts));
  facts.recipients[0].address = "jörg@example.org";
  EXPECT_TRUE(NeedsSmtpUtf8(facts));
  const std::string notice = WriteNotice(facts);
  EXPECT_NE(notice.find("message/global-delivery-status"), std::string::npos);
  EXPECT_NE(notice.find("Final-Recipient: utf-8; jörg@example.org"), std::string::npos);
  EXPECT_NE(notice.find("message/global-headers"), std::string::npos);
}

TEST(WriteNotice, T_A6_CutsALongHeaderAtAField) {
  const std::string original = "A: 1\r\nB: " + std::string(200, 'x') + "\r\nC: 3\r\n\r\n";
  NoticeFacts facts = Facts(original);
  facts.header_limit = 100;
  const std::string notice = WriteNotice(facts);
  EXPECT_NE(notice.find("\r\n\r\nA: 1\r\n--"), std::string::npos);
  EXPECT_EQ(notice.find("xxx"), std::string::npos);
}

}  // namespace
}  // namespace cleanmail::mail::report::dsn
