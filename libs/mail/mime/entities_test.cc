#include "libs/mail/mime/entities.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

constexpr std::string_view kNested =
    "Subject: x\r\n"
    "Content-Type: multipart/mixed; boundary=outer\r\n"
    "\r\n"
    "preamble\r\n"
    "--outer\r\n"
    "Content-Type: multipart/alternative; boundary=\"in ner\"\r\n"
    "\r\n"
    "--in ner\r\n"
    "\r\n"
    "plain\r\n"
    "--in ner\r\n"
    "Content-Type: Text/HTML; charset=UTF-8\r\n"
    "Content-Transfer-Encoding: Quoted-Printable\r\n"
    "\r\n"
    "<b>J=C3=B6rg</b>\r\n"
    "--in ner--\r\n"
    "epilogue\r\n"
    "--outer\r\n"
    "Content-Type: message/rfc822\r\n"
    "\r\n"
    "Subject: inner\r\n"
    "\r\n"
    "inner text\r\n"
    "--outer\r\n"
    "Content-Type: application/pdf; name=\"=?utf-8?q?J=C3=B6rg.pdf?=\"\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "\r\n"
    "aGVsbG8=\r\n"
    "--outer--\r\n";

std::string_view BodyOf(std::string_view message, const Entity& entity) {
  return message.substr(entity.body, entity.end - entity.body);
}

TEST(EntitiesTest, EveryPartIsFoundWithItsNumberAndItsBytes) {
  const Entities found = FindEntities(kNested);
  std::vector<std::string> seen;
  for (const Entity& entity : found.list) seen.push_back(entity.number + " " + entity.type);
  EXPECT_EQ(seen, (std::vector<std::string>{" multipart/mixed", "1 multipart/alternative",
                                            "1.1 text/plain", "1.2 text/html", "2 message/rfc822",
                                            "2.1 text/plain", "3 application/pdf"}));
  EXPECT_EQ(BodyOf(kNested, found.list[2]), "plain");
  EXPECT_EQ(BodyOf(kNested, found.list[3]), "<b>J=C3=B6rg</b>");
  EXPECT_EQ(BodyOf(kNested, found.list[5]), "inner text");
  EXPECT_EQ(BodyOf(kNested, found.list[6]), "aGVsbG8=");
  EXPECT_EQ(BodyOf(kNested, found.list[4]), "Subject: inner\r\n\r\ninner text");
  EXPECT_EQ(found.list[0].end, kNested.size());
  EXPECT_TRUE(BodyOf(kNested, found.list[1]).ends_with("epilogue"));
  EXPECT_EQ(found.list[6].parent, 0U);
  EXPECT_EQ(found.structure.parts, 4U);
}

TEST(EntitiesTest, AMessageOfOnePartIsPartOne) {
  const Entities found = FindEntities("Subject: x\r\n\r\nhello\r\n");
  ASSERT_EQ(found.list.size(), 1U);
  EXPECT_EQ(found.list[0].number, "1");
  EXPECT_EQ(found.list[0].type, "text/plain");
  EXPECT_EQ(FindEntities("").list.size(), 1U);
}

TEST(EntitiesTest, FactsAreDecoded) {
  const Entities found = FindEntities(kNested);
  const EntityFacts pdf = FactsOf(kNested, found.list[6]);
  EXPECT_EQ(pdf.name, "J\xc3\xb6rg.pdf");
  EXPECT_EQ(pdf.encoding, "base64");
  EXPECT_TRUE(pdf.attachment);
  EXPECT_EQ(DecodedBody(kNested, found.list[6], pdf.encoding), "hello");
  const EntityFacts html = FactsOf(kNested, found.list[3]);
  EXPECT_EQ(html.charset, "utf-8");
  EXPECT_EQ(html.encoding, "quoted-printable");
  EXPECT_FALSE(html.attachment);
}

TEST(EntitiesTest, WhatIsSignedOrEncryptedIsSealedWithAllInIt) {
  const std::string_view message =
      "Content-Type: multipart/mixed; boundary=o\r\n\r\n"
      "--o\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n"
      "--s\r\n\r\nsigned text\r\n"
      "--s\r\nContent-Type: application/pgp-signature\r\n\r\nxxx\r\n--s--\r\n"
      "--o\r\n\r\nfooter\r\n--o--\r\n";
  const Entities found = FindEntities(message);
  ASSERT_EQ(found.list.size(), 5U);
  EXPECT_FALSE(IsSealed(found.list, 0));
  EXPECT_TRUE(IsSealed(found.list, 1));
  EXPECT_TRUE(IsSealed(found.list, 2));
  EXPECT_FALSE(IsSealed(found.list, 4));
}

TEST(EntitiesTest, PositionsStayInOrderWhateverComes) {
  for (const std::string_view message :
       {"Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n--x\r\n--x--\r\n--x\r\n",
        "Content-Type: multipart/mixed; boundary=x\r\n--x\r\n\r\n--x",
        "--x\r\nContent-Type: multipart/mixed; boundary=\r\n\r\n", "\n\n\n", "a",
        "Content-Type: message/rfc822\r\n\r\nContent-Type: message/rfc822\r\n\r\n"}) {
    for (const Entity& entity : FindEntities(message).list) {
      EXPECT_LE(entity.begin, entity.body);
      EXPECT_LE(entity.body, entity.end);
      EXPECT_LE(entity.end, message.size());
    }
  }
}

}  // namespace
}  // namespace cleanmail::mail::mime
