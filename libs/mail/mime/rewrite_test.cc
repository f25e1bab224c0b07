#include "libs/mail/mime/rewrite.h"

#include <gtest/gtest.h>

#include "libs/mail/mime/encoded_word.h"
#include "libs/mail/mime/entities.h"
#include "libs/mail/mime/header_block.h"

namespace cleanmail::mail::mime {
namespace {

std::string With(std::string message, Change change) {
  const Change changes[] = {std::move(change)};
  return Rewrite(std::move(message), changes).message;
}

std::string SubjectOf(const std::string& message) {
  return DecodeWords(HeaderBlock::Parse(message)->Find("Subject")->value());
}

TEST(RewriteTest, C4_TheTagStandsBeforeTheSubjectExactlyOnce) {
  const std::string mail = "From: a@b\r\nSubject: hello\r\nX: y\r\n\r\nbody\r\n";
  const std::string tagged = With(mail, SubjectTag{"[PUB]"});
  EXPECT_EQ(tagged, "From: a@b\r\nSubject: [PUB] hello\r\nX: y\r\n\r\nbody\r\n");
  EXPECT_EQ(With(tagged, SubjectTag{"[PUB]"}), tagged);
  const std::string answer = "Subject: Re: AW: [PUB] hello\r\n\r\n";
  EXPECT_EQ(With(answer, SubjectTag{"[PUB]"}), answer);
  EXPECT_EQ(SubjectOf(With("From: a@b\r\n\r\nx", SubjectTag{"[PUB]"})), "[PUB]");
}

TEST(RewriteTest, C4_AnEncodedSubjectStaysReadableBehindTheTag) {
  const std::string mail = "Subject: =?utf-8?q?J=C3=B6rg?=\r\n =?utf-8?q?_schreibt?=\r\n\r\nx\r\n";
  EXPECT_EQ(SubjectOf(With(mail, SubjectTag{"[PUB]"})), "[PUB] J\xc3\xb6rg schreibt");
  const std::string tagged = With(mail, SubjectTag{"[\xc3\x96]"});
  EXPECT_EQ(SubjectOf(tagged), "[\xc3\x96] J\xc3\xb6rg schreibt");
  EXPECT_EQ(With(tagged, SubjectTag{"[\xc3\x96]"}), tagged);
}

TEST(RewriteTest, AFieldIsAddedOnTopAndNothingCanBeSmuggledInWithIt) {
  const std::string mail = "From: a@b\r\n\r\nbody";
  EXPECT_EQ(With(mail, NewField{"X-Spam", "yes"}), "X-Spam: yes\r\n" + mail);
  const std::string hostile = With(mail, NewField{"X-A", "a\r\nBcc: evil@x\r\n\r\nboo"});
  EXPECT_EQ(HeaderBlock::Parse(hostile)->Count("Bcc"), 0U);
  const Change bad[] = {NewField{"X: y\r\nZ", "v"}};
  const Rewritten unchanged = Rewrite(mail, bad);
  EXPECT_EQ(unchanged.message, mail);
  EXPECT_EQ(unchanged.undone.size(), 1U);
}

constexpr char kTwoTexts[] =
    "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n"
    "--b\r\nContent-Type: text/plain; charset=iso-8859-1\r\n"
    "Content-Transfer-Encoding: quoted-printable\r\n\r\nGr=FC=DFe\r\n"
    "--b\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "PGh0bWw+PEJPRFkgYmdjb2xvcj0id2hpdGUiPmhpPC9ib2R5PjwvaHRtbD4=\r\n--b--\r\n";

TEST(RewriteTest, ABannerStandsInTheTextAndInTheHtml) {
  const std::string mail = With(kTwoTexts, BannerText{.text = "Von au\xc3\x9f"
                                                              "en",
                                                      .html = "<p>EXT</p>",
                                                      .at_end = false});
  const Entities found = FindEntities(mail);
  ASSERT_EQ(found.list.size(), 3U);
  const EntityFacts plain = FactsOf(mail, found.list[1]);
  EXPECT_EQ(plain.charset, "utf-8");
  EXPECT_EQ(DecodedBody(mail, found.list[1], plain.encoding),
            "Von au\xc3\x9f"
            "en\r\n\r\nGr\xc3\xbc\xc3\x9f"
            "e");
  EXPECT_EQ(DecodedBody(mail, found.list[2], "base64"),
            "<html><BODY bgcolor=\"white\"><p>EXT</p>hi</body></html>");
}

TEST(RewriteTest, AnAsciiBannerLeavesTheCharacterSetAlone) {
  const std::string mail = With(kTwoTexts, BannerText{.text = "EXT", .html = "", .at_end = true});
  const Entities found = FindEntities(mail);
  EXPECT_EQ(FactsOf(mail, found.list[1]).charset, "iso-8859-1");
  EXPECT_EQ(DecodedBody(mail, found.list[1], "quoted-printable"),
            "Gr\xfc\xdf"
            "e\r\n\r\nEXT\r\n");
}

TEST(RewriteTest, SignedAndEncryptedPartsAreNeverTouched) {
  const std::string mail =
      "Content-Type: multipart/signed; boundary=s; protocol=\"application/pgp-signature\"\r\n\r\n"
      "--s\r\nContent-Type: text/plain\r\n\r\nsigned\r\n"
      "--s\r\nContent-Type: application/pgp-signature\r\n\r\nsig\r\n--s--\r\n";
  const Change changes[] = {BannerText{.text = "EXT", .html = "<p>EXT</p>"},
                            RemovedParts{.numbers = {"2"}, .note = "gone"}};
  const Rewritten result = Rewrite(mail, changes);
  EXPECT_EQ(result.message, mail);
  EXPECT_EQ(result.undone.size(), 2U);
}

TEST(RewriteTest, ARemovedPartLeavesANoteAndEveryOtherByte) {
  const std::string before =
      "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\npre\r\n"
      "--b\r\n\r\nhello\r\n--b\r\n";
  const std::string after = "\r\n--b--\r\nepilogue";
  const std::string mail = before +
                           "Content-Type: application/x-evil; name=a.exe\r\nX-Keep: me\r\n"
                           "Content-Transfer-Encoding: base64\r\n\r\nAAAA" +
                           after;
  EXPECT_EQ(With(mail, RemovedParts{.numbers = {"2"}, .note = "a.exe was taken out"}),
            before +
                "X-Keep: me\r\nContent-Type: text/plain; charset=utf-8\r\n"
                "Content-Transfer-Encoding: quoted-printable\r\n\r\na.exe was taken out" +
                after);
  const Change none[] = {RemovedParts{.numbers = {"7"}, .note = "x"}};
  EXPECT_EQ(Rewrite(mail, none).message, mail);
}

TEST(RewriteTest, AMessageThatIsAnAttachmentBecomesANote) {
  const std::string mail = With(
      "Subject: x\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: "
      "base64\r\n\r\nAAAA",
      RemovedParts{.numbers = {"1"}, .note = "gone"});
  EXPECT_EQ(mail,
            "Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\ngone");
}

}  // namespace
}  // namespace cleanmail::mail::mime
