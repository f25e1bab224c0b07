#include "services/scanner/spamd/response.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner::spamd {
namespace {

const Speaker kSpeaker = {.version = "0.1.0", .host_name = "mx.example.net"};

mail::v1::ScanResult Scan(double score, int findings = 2) {
  mail::v1::ScanResult scan;
  scan.set_score(score);
  for (int i = 0; i < findings; ++i)
    *scan.add_findings() =
        MakeRuleFinding(base::Cat("SOME_LONG_NAME_", i), score / findings, "what it means", "spam");
  scan.mutable_facts()->set_category(score >= 5 ? mail::v1::MESSAGE_CATEGORY_SPAM
                                                : mail::v1::MESSAGE_CATEGORY_PERSONAL);
  return scan;
}

std::string Answer(std::string_view verb, double score, std::string_view version = "1.5",
                   std::string_view message = "Subject: x\r\n\r\nHello\r\n") {
  RequestReader reader(1000);
  reader.Take(base::Cat(verb, " SPAMC/", version, "\r\nContent-length: ", message.size(),
                        "\r\n\r\n", message));
  EXPECT_TRUE(reader.complete());
  return Respond(reader, Scan(score), kSpeaker);
}

TEST(SpamdResponseTest, CheckSaysWhetherAndHowMuch) {
  EXPECT_EQ(Answer("CHECK", 7.26),
            "SPAMD/1.1 0 EX_OK\r\nContent-length: 0\r\nSpam: True ; 7.3 / 5.0\r\n\r\n");
  EXPECT_EQ(Answer("CHECK", -0.5, "1.2"), "SPAMD/1.1 0 EX_OK\r\nSpam: False ; -0.5 / 5.0\r\n\r\n");
}

TEST(SpamdResponseTest, SymbolsAreTheFindingsNames) {
  EXPECT_EQ(Answer("SYMBOLS", 7.2),
            "SPAMD/1.1 0 EX_OK\r\nContent-length: 35\r\nSpam: True ; 7.2 / 5.0\r\n\r\n"
            "SOME_LONG_NAME_0,SOME_LONG_NAME_1\r\n");
}

TEST(SpamdResponseTest, AReportIsForPeopleAndIfSpamOnlyOfSpam) {
  EXPECT_NE(Answer("REPORT", 1).find("SOME_LONG_NAME_0"), std::string::npos);
  EXPECT_NE(Answer("REPORT", 1).find("what it means"), std::string::npos);
  EXPECT_EQ(Answer("REPORT_IFSPAM", 1).find("SOME"), std::string::npos);
  EXPECT_NE(Answer("REPORT_IFSPAM", 6).find("SOME"), std::string::npos);
}

TEST(SpamdResponseTest, ProcessGivesTheMessageBackMarked) {
  const std::string spam = Marked("Subject: x\nTo: a@b.example\n\nHello\n", Scan(6.4), kSpeaker);
  EXPECT_EQ(spam,
            "X-Spam-Flag: YES\n"
            "X-Spam-Level: ******\n"
            "X-Spam-Status: Yes, score=6.4 required=5.0 tests=SOME_LONG_NAME_0,\n"
            "\tSOME_LONG_NAME_1\n"
            "\tautolearn=no category=spam version=cleanmail-0.1.0\n"
            "X-Spam-Checker-Version: Cleanmail 0.1.0 on mx.example.net\n"
            "Subject: x\nTo: a@b.example\n\nHello\n");
  const std::string ham = Marked("Subject: x\r\n\r\nHello\r\n", Scan(0, 0), kSpeaker);
  EXPECT_TRUE(ham.starts_with("X-Spam-Status: No, score=0.0 required=5.0 tests=none\r\n")) << ham;
  EXPECT_TRUE(ham.ends_with("\r\nSubject: x\r\n\r\nHello\r\n"));
}

TEST(SpamdResponseTest, MarksThatCameWithTheMessageAreTakenOut) {
  const std::string marked = Marked(
      "From a Mon\nX-Spam-Status: No, fine\n\tindeed\nSubject: x\nx-spam-flag: NO\n\n"
      "X-Spam-Flag: stays, in the body\n",
      Scan(1, 0), kSpeaker);
  EXPECT_TRUE(marked.starts_with("From a Mon\nX-Spam-Level: *\n")) << marked;
  EXPECT_EQ(marked.find("fine"), marked.npos);
  EXPECT_EQ(marked.find("indeed"), marked.npos);
  EXPECT_EQ(marked.find("x-spam-flag"), marked.npos);
  EXPECT_TRUE(marked.ends_with("Subject: x\n\nX-Spam-Flag: stays, in the body\n"));
}

TEST(SpamdResponseTest, HeadersEndWithTheEmptyLine) {
  EXPECT_TRUE(Answer("HEADERS", 1).ends_with("\r\nSubject: x\r\n\r\n"));
}

TEST(SpamdResponseTest, OldClientsGetTheFieldsTheyKnow) {
  EXPECT_TRUE(Answer("PROCESS", 1, "1.2").starts_with("SPAMD/1.1 0 EX_OK\r\nContent-length: "));
  EXPECT_EQ(Answer("PROCESS", 1, "1.2").find("\r\nSpam:"), std::string::npos);
  EXPECT_TRUE(Answer("PROCESS", 1, "1.0").starts_with("SPAMD/1.1 0 EX_OK\r\n\r\nX-Spam"));
}

TEST(SpamdResponseTest, MalwareIsSpamWhateverItsScore) {
  mail::v1::ScanResult scan = Scan(0);
  scan.mutable_facts()->set_category(mail::v1::MESSAGE_CATEGORY_MALWARE);
  EXPECT_TRUE(IsSpam(scan));
}

TEST(SpamdResponseTest, ANameThatIsNoneCannotBreakTheHeader) {
  mail::v1::ScanResult scan;
  scan.add_findings()->set_name("BAD\r\nX-Evil: 1, 2");
  const std::string marked = Marked("\n", scan, kSpeaker);
  EXPECT_EQ(marked.find("\nX-Evil"), marked.npos);
  EXPECT_EQ(Refuse(kProtocol, "two\r\nlines").find("\r\nlines"), std::string::npos);
}

}  // namespace
}  // namespace cleanmail::scanner::spamd
