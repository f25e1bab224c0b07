#include "services/scanner/facts.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner {
namespace {

TEST(FactsTest, HeadersAndAttachmentsAreTold) {
  const auto facts = FactsOf(ParsedMessage(
      "Subject: =?utf-8?q?J=C3=B6rg?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
      "--b\r\n\r\nhello\r\n"
      "--b\r\nContent-Type: Application/PDF; name=\"a.pdf\"\r\n"
      "Content-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"));
  ASSERT_EQ(facts.headers_size(), 2);
  EXPECT_EQ(facts.headers(0).value(), "J\xc3\xb6rg");
  ASSERT_EQ(facts.attachments_size(), 1);
  EXPECT_EQ(facts.attachments(0).name(), "a.pdf");
  EXPECT_EQ(facts.attachments(0).content_type(), "application/pdf");
  EXPECT_EQ(facts.attachments(0).size(), 5);
  EXPECT_EQ(facts.attachments(0).part(), "2");
  EXPECT_FALSE(facts.encrypted());
}

TEST(FactsTest, SignedAndEncryptedMailIsTold) {
  EXPECT_TRUE(FactsOf(ParsedMessage("Content-Type: application/pkcs7-mime\r\n\r\nx")).encrypted());
  EXPECT_FALSE(FactsOf(ParsedMessage("Subject: x\r\n\r\nx")).encrypted());
}

TEST(FactsTest, T_B1_RulesSeeEveryNameAndEveryFileInEveryReading) {
  const auto names = [](std::string_view message) {
    std::string all;
    const mail::v1::MessageFacts facts = FactsOf(ParsedMessage(message));
    for (const auto& one : facts.attachments()) all += base::Cat(one.part(), "=", one.name(), " ");
    return all;
  };
  EXPECT_EQ(
      names("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: x/y; "
            "name=a.txt\r\nContent-Disposition: inline; filename=b.exe\r\n\r\nz\r\n--b--\r\n"),
      "1=b.exe 1=a.txt ");
  EXPECT_EQ(names("Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\nx\r\n"
                  "--b--\r\n--c\r\nContent-Type: x/y; name=c.exe\r\n\r\nz\r\n--c--\r\n"),
            "=c.exe ");
  EXPECT_EQ(names("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
                  "message/rfc822; name=e.eml\r\n\r\nSubject: x\r\n\r\ny\r\n--b--\r\n"),
            "1=e.eml ");
  EXPECT_EQ(names("\r\nbegin 644 d.exe\r\n#0V%T\r\nend\r\n"), "1=d.exe ");
}

TEST(ParsedMessageTest, HtmlIsReadWhenAskedForAndOnce) {
  const ParsedMessage message("Content-Type: text/html\r\n\r\n<a href=http://x.example/>y</a>\r\n");
  ASSERT_EQ(message.pages().size(), 1U);
  EXPECT_EQ(message.pages()[0].page.links[0].target, "http://x.example/");
  EXPECT_EQ(&message.pages(), &message.pages());
}

TEST(FactsTest, ManyPartsAndLongNamesStayBounded) {
  std::string mail = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 500; ++i) {
    mail +=
        base::Cat("--b\r\nContent-Type: x/y; name=\"", std::string(1000, 'n'), "\"\r\n\r\nz\r\n");
  }
  const auto facts = FactsOf(ParsedMessage(mail));
  EXPECT_EQ(facts.attachments_size(), 200);
  EXPECT_EQ(facts.attachments(0).name().size(), 255U);
}

}  // namespace
}  // namespace cleanmail::scanner
