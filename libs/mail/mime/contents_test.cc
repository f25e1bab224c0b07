#include "libs/mail/mime/contents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::mime {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Field;

Contents Read(std::string_view message, const ContentLimits& limits = {}) {
  return ReadContents(message, FindEntities(message, limits.structure), limits);
}

// "number type name origin: bytes" of each.
std::vector<std::string> Told(const Contents& contents) {
  std::vector<std::string> told;
  for (const Content& one : contents.list)
    told.push_back(base::Cat(one.number, " ", one.type, one.name.empty() ? "" : " ", one.name,
                             one.origin.empty() ? "" : " ", one.origin, ": ", one.bytes));
  return told;
}

TEST(ContentsTest, EveryLeafIsDecodedOnceAndTextIsUtf8) {
  const Contents contents = Read(
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n"
      "--b\r\nContent-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: "
      "quoted-printable\r\n\r\n=F0=F2\r\n"
      "--b\r\nContent-Type: Application/PDF; name=a.pdf\r\nContent-Transfer-Encoding: BASE64\r\n"
      "\r\naGVsbG8=\r\n--b--\r\n");
  EXPECT_THAT(Told(contents), ElementsAre("1 text/plain: ПР", "2 application/pdf a.pdf: hello"));
  EXPECT_EQ(contents.list[0].charset, "koi8-r");
  EXPECT_EQ(contents.list[0].original, "\xf0\xf2");
  EXPECT_TRUE(contents.list[1].attachment);
  EXPECT_EQ(contents.list[1].entity, 2U);
  EXPECT_TRUE(contents.ambiguities.empty());
  EXPECT_FALSE(contents.differs);
}

// A multipart of boundary b with one part of these fields and that body.
std::string WithPart(std::string_view fields, std::string_view body) {
  return base::Cat("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n", fields, "\r\n", body,
                   "\r\n--b--\r\n");
}

bool Names(const Contents& contents, AmbiguityKind kind) {
  return std::ranges::any_of(contents.ambiguities,
                             [kind](const Ambiguity& one) { return one.kind == kind; });
}

// A message programs read differently, why, and the bytes that must be among the contents.
struct Differential {
  std::string what;
  std::string message;
  AmbiguityKind kind;
  std::vector<std::string> contents;
};

std::vector<Differential> Differentials() {
  const std::string file = "Content-Disposition: attachment; filename=a.exe\r\n";
  const std::string base64 = "Content-Transfer-Encoding: base64\r\n";
  using Kind = AmbiguityKind;
  return {
      {"two boundaries in one field (CVE-2024-28054)",
       "Content-Type: multipart/mixed; boundary=x; boundary=y\r\n\r\n--x\r\n\r\none\r\n--x--\r\n"
       "--y\r\n\r\ntwo\r\n--y--\r\n",
       Kind::kRepeatedParameter,
       {"one", "two"}},
      {"two types",
       "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n"
       "two\r\n--y--\r\n",
       Kind::kRepeatedType,
       {"two"}},
      {"a boundary in sections",
       "Content-Type: multipart/mixed; boundary*0=y; boundary*1=z; boundary=w\r\n\r\n--yz\r\n\r\n"
       "one\r\n--yz--\r\n--w\r\n\r\ntwo\r\n--w--\r\n",
       Kind::kRepeatedParameter,
       {"one", "two"}},
      {"a boundary in a comment",
       "Content-Type: multipart/mixed; (; boundary=c) boundary=d\r\n\r\n--c\r\n\r\none\r\n--c--\r\n"
       "--d\r\n\r\ntwo\r\n--d--\r\n",
       Kind::kRepeatedParameter,
       {"one", "two"}},
      {"two encodings",
       WithPart(base64 + "Content-Transfer-Encoding: 7bit\r\n" + file, "SGk="),
       Kind::kRepeatedEncoding,
       {"Hi", "SGk="}},
      {"a half legible encoding",
       WithPart("Content-Transfer-Encoding: \"base64\" x\r\n" + file, "SGk="),
       Kind::kRepeatedEncoding,
       {"Hi", "SGk="}},
      {"padding in the middle", WithPart(base64 + file, "SGk=SGk="), Kind::kBase64, {"Hi", "HiHi"}},
      {"foreign bytes in base64",
       WithPart(base64 + file, "SGk!SGk="),
       Kind::kBase64,
       {"Hi\x12\x1a"}},
      {"no empty line",
       WithPart(file + "This is text\r\nas it goes on", ""),
       Kind::kMissingBlankLine,
       {"This is text\r\nas it goes on\r\n"}},
      {"junk behind a boundary",
       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b junk\r\n\r\ntwo\r\n"
       "--b--\r\n",
       Kind::kBoundaryLine,
       {"one", "two"}},
      {"a part behind the end",
       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo"
       "\r\n--b--\r\n",
       Kind::kHiddenPart,
       {"one", "two"}},
      {"a file in the preamble",
       "Content-Type: multipart/mixed; boundary=b\r\n\r\nbegin 644 a.exe\r\n#0V%T\r\nend\r\n--b\r\n"
       "\r\none\r\n--b--\r\n",
       Kind::kHiddenPart,
       {"one", "Cat"}},
      {"a part in the epilogue",
       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\nContent-Type: "
       "a/b\r\nContent-Transfer-Encoding: base64\r\n\r\nSGk=\r\n",
       Kind::kHiddenPart,
       {"one", "Hi"}},
      {"one boundary for two levels",
       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/mixed; "
       "boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n--b\r\n\r\ntwo\r\n--b--\r\n",
       Kind::kSameBoundary,
       {"one", "two"}},
      {"no boundary given",
       "Content-Type: multipart/mixed\r\n\r\n--x\r\n\r\none\r\n--x--\r\n",
       Kind::kNoBoundary,
       {"one"}},
      {"a boundary that never comes",
       "Content-Type: multipart/mixed; boundary=no\r\n\r\n--x\r\n\r\none\r\n--x--\r\n",
       Kind::kNoBoundary,
       {"one"}},
      {"an encoded multipart",
       "Content-Type: multipart/mixed; boundary=b\r\n" + base64 + "\r\n" +
           EncodeBase64Lines("--b\r\n\r\none\r\n--b--\r\n"),
       Kind::kEncodedContainer,
       {"one"}},
      {"an encoded message",
       "Content-Type: message/rfc822\r\n" + base64 + "\r\n" +
           EncodeBase64Lines("Subject: x\r\n\r\none"),
       Kind::kEncodedContainer,
       {"one"}},
      {"lone carriage returns",
       "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r--b\r\rtwo\r\n--b--\r\n",
       Kind::kBareCr,
       {"one", "two"}},
      {"NUL in a field",
       base::Cat("Content-Type: multi", std::string_view("\0", 1),
                 "part/mixed; boundary=b\r\n\r\n--b\r\n\r\none\r\n--b--\r\n"),
       Kind::kNul,
       {"one"}},
      {"UTF-7", "Content-Type: text/html; charset=utf-7\r\n\r\n+ADw-b+AD4-", Kind::kUtf7, {"<b>"}},
  };
}

TEST(ContentsTest, T_B1_WhatProgramsReadDifferentlyIsNamedAndReadEveryWay) {
  for (const Differential& one : Differentials()) {
    const Contents contents = Read(one.message);
    EXPECT_TRUE(Names(contents, one.kind)) << one.what;
    for (const std::string& bytes : one.contents)
      EXPECT_THAT(contents.list, Contains(Field(&Content::bytes, bytes))) << one.what;
  }
}

TEST(ContentsTest, T_B1_EveryNameAProgramMayShowIsThere) {
  const std::pair<std::string_view, std::vector<std::string>> cases[] = {
      {"Content-Disposition: attachment; filename=a.txt; filename=b.exe\r\n", {"a.txt", "b.exe"}},
      {"Content-Disposition: attachment; filename=a.txt\r\nContent-Type: x/y; name=b.exe\r\n",
       {"a.txt", "b.exe"}},
      // CVE-2024-39929.
      {"Content-Disposition: attachment; filename*0=\"a.\";\r\n filename*1=exe\r\n", {"a.exe"}},
      {"Content-Disposition: attachment; filename*1=exe; filename*0=\"a.\"\r\n",
       {"a.exe", "exea."}},
      {"Content-Disposition: attachment; filename*=utf-8''b%2Eexe; filename=a.txt\r\n",
       {"b.exe", "a.txt"}},
      {"Content-Disposition: attachment; filename=\"a.txt\".exe\r\n", {"a.txt", "a.txt.exe"}},
      {"Content-Disposition: attachment; filename=a.exe b.txt\r\n", {"a.exe b.txt", "a.exe"}},
      {"Content-Disposition: attachment; filename=\"=?utf-8?q?a=2Eexe?=\"\r\n", {"a.exe"}},
      {"Content-Disposition: attachment;\r\n\tfilename\r\n\t=\r\n\t\"a.exe\"\r\n", {"a.exe"}},
      {"Content-Disposition: attachment; filename=\"a.exe\r\n", {"a.exe"}},
      {"Content-Disposition: attachment; filename=\"\xa9.exe\"\r\n", {"©.exe"}},
      {"Content-Disposition (x): attachment; filename=a.exe\r\n", {}},
  };
  for (const auto& [fields, names] : cases) {
    const Contents contents = Read(WithPart(fields, "x"));
    ASSERT_FALSE(contents.list.empty()) << fields;
    for (const std::string& name : names)
      EXPECT_THAT(contents.list[0].names, Contains(name)) << fields;
  }
  EXPECT_TRUE(Read(WithPart(cases[0].first, "x")).differs);
  EXPECT_FALSE(Read(WithPart(cases[7].first, "x")).differs);
}

TEST(ContentsTest, T_B10_WhatIsWithinIsAContentOfItsOwn) {
  EXPECT_THAT(Told(Read("Subject: x\r\n\r\nhello\r\nbegin 644 a.exe\r\n#0V%T\r\nend\r\n")),
              Contains("1/1 application/octet-stream a.exe uuencode: Cat"));
  EXPECT_THAT(Told(Read(WithPart(
                  "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n",
                  EncodeBase64Lines(WithPart("Content-Type: a/b; name=c\r\n", "inner file"))))),
              Contains("1/1 a/b c message: inner file"));
}

TEST(ContentsTest, T_B10_WhatIsSealedElsewhereOrCutIsTold) {
  EXPECT_TRUE(Read("Content-Type: application/pkcs7-mime\r\n\r\nx").smime_encrypted);
  EXPECT_TRUE(Read("\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nx").pgp_encrypted);
  EXPECT_TRUE(Read(WithPart("Content-Type: application/pgp-signature\r\n", "x")).pgp_signed);
  EXPECT_TRUE(Read("Content-Type: message/partial; id=x; number=1\r\n\r\nx").partial);
  EXPECT_TRUE(Read("Content-Type: message/external-body; access-type=URL\r\n\r\nx").external_body);
}

TEST(ContentsTest, OrdinaryMailIsNotCalledAmbiguous) {
  for (const std::string& message :
       {std::string("Subject: x\r\n\r\nbody\r\n"),
        WithPart("Content-Type: application/pdf; name=\"a b.pdf\"\r\nContent-Disposition: "
                 "attachment; filename=\"a b.pdf\"\r\nContent-Transfer-Encoding: base64\r\n",
                 "SGVsbG8="),
        WithPart("Content-Type: message/rfc822\r\n", "Subject: y\r\n\r\nz"),
        std::string("Content-Type: multipart/mixed; boundary=\"b\"\r\n\r\nThis is a multi-part "
                    "message in MIME format.\r\n--b\r\n\r\nx\r\n-- \r\nme\r\n--b--\r\n"),
        std::string("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: "
                    "multipart/alternative; boundary=bb\r\n\r\n--bb\r\n\r\nx\r\n--bb--\r\n--b--"
                    "\r\n\r\n")}) {
    const Contents contents = Read(message);
    EXPECT_TRUE(contents.ambiguities.empty())
        << message << Describe(contents.ambiguities.front().kind);
    EXPECT_FALSE(contents.differs);
  }
}

TEST(ContentsTest, AMissingSemicolonHidesNeitherTypeNorName) {
  const Contents contents =
      Read(WithPart("Content-Type: text / html charset=koi8-r\r\nContent-Disposition: attachment "
                    "filename=\"a.html\"\r\n",
                    "\xf0"));
  EXPECT_EQ(contents.list[0].type, "text/html");
  EXPECT_EQ(contents.list[0].bytes, "П");
  EXPECT_EQ(contents.list[0].name, "a.html");
  EXPECT_EQ(contents.list[0].disposition, "attachment");
}

TEST(ContentsTest, APartOfADigestIsAMessageUnlessItSaysOtherwise) {
  const Contents contents = Read(
      "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: x\r\n\r\none\r\n"
      "--b\r\nContent-Type: text/html\r\n\r\ntwo\r\n--b--\r\n");
  EXPECT_THAT(Told(contents), ElementsAre("1.1 text/plain: one", "2 text/html: two"));
}

TEST(ContentsTest, FlowedTextIsJoinedAndItsBytesAreKept) {
  const Contents contents = Read("Content-Type: text/plain; format=flowed\r\n\r\none \r\ntwo\r\n");
  EXPECT_EQ(contents.list[0].bytes, "one two\r\n");
  EXPECT_EQ(contents.list[0].decoded(), "one \r\ntwo\r\n");
}

TEST(ContentsTest, T_B3_PastItsLimitsItSaysSo) {
  std::string message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 50; ++i) message += "--b\r\n\r\n0123456789\r\n";
  EXPECT_TRUE(Read(message, {.contents = 10}).over_contents);
  EXPECT_TRUE(Read(message, {.bytes = 100}).over_bytes);
  std::string nested = "Subject: x\r\n\r\ny";
  for (int i = 0; i < 12; ++i)
    nested = "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
             EncodeBase64Lines(nested);
  EXPECT_TRUE(Read(nested).over_levels);
}

}  // namespace
}  // namespace cleanmail::mail::mime
