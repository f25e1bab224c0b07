#include "services/scanner/analyzers/structure/structure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> FindingsIn(std::string_view message,
                                    mail::mime::StructureLimits limits = {}) {
  const ParsedMessage parsed(message, limits);
  const auto findings = Structure(limits).Analyze(parsed);
  std::vector<std::string> names;
  for (const mail::v1::Finding& one : *findings) names.push_back(one.name());
  return names;
}

std::string WithFile(std::string_view name) {
  return base::Cat(
      "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\ntext\r\n--b\r\n"
      "Content-Disposition: attachment; filename=",
      name, "\r\n\r\nx\r\n--b--\r\n");
}

TEST(StructureTest, OrdinaryMailHasNoFindings) {
  EXPECT_THAT(FindingsIn("Subject: x\r\n\r\nhello\r\n"), IsEmpty());
  EXPECT_THAT(FindingsIn(WithFile("\"a.pdf\"")), IsEmpty());
}

TEST(StructureTest, T_B1_ContentsThatDifferAreAmbiguous) {
  EXPECT_THAT(FindingsIn("Content-Type: multipart/mixed; boundary=x; boundary=y\r\n\r\n--x\r\n\r\n"
                         "one\r\n--x--\r\n--y\r\n\r\ntwo\r\n--y--\r\n"),
              ElementsAre("AMBIGUOUS_STRUCTURE"));
  EXPECT_THAT(FindingsIn(WithFile("a.txt; filename=b.exe")), ElementsAre("AMBIGUOUS_NAME"));
}

TEST(StructureTest, T_B2_WhatIsBrokenButReadAlikeIsBroken) {
  EXPECT_THAT(FindingsIn("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n"),
              ElementsAre("BROKEN_STRUCTURE"));
}

TEST(StructureTest, T_B3_EveryLimitIsSaid) {
  EXPECT_THAT(FindingsIn(base::Cat("X: ", std::string(300'000, 'x'), "\r\n\r\n")),
              Contains("HEADER_TOO_LONG"));
  std::string many = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 20; ++i) many += "--b\r\n\r\nx\r\n";
  EXPECT_THAT(FindingsIn(many, {.parts = 10}), Contains("TOO_MANY_PARTS"));
  std::string deep;
  for (int i = 0; i < 20; ++i)
    deep += base::Cat("Content-Type: multipart/mixed; boundary=b", i, "\r\n\r\n--b", i, "\r\n");
  EXPECT_THAT(FindingsIn(deep, {.depth = 10}), Contains("TOO_DEEP"));
}

TEST(StructureTest, T_B4_TextThatIsNotWhatItLooksLikeIsTold) {
  EXPECT_THAT(FindingsIn(WithFile("\"annex\xe2\x80\xae"
                                  "cod.exe\"")),
              Contains("BIDI_TRICK"));
  EXPECT_THAT(FindingsIn("Subject: =?utf-8?b?4oCuY29k?=\r\n\r\nx"), Contains("BIDI_TRICK"));
  EXPECT_THAT(FindingsIn("Content-Type: text/plain; charset=utf-7\r\n\r\n+AGE-"),
              Contains("UTF7_TEXT"));
  EXPECT_THAT(FindingsIn("Content-Type: text/plain; charset=utf-8\r\n\r\nv\xe2\x80\x8bi\xe2\x80\x8b"
                         "a\xe2\x80\x8bg\xe2\x80\x8br\xe2\x80\x8b"
                         "a"),
              Contains("HIDDEN_CHARACTERS"));
  EXPECT_THAT(FindingsIn("Content-Type: text/plain; charset=x-none\r\n\r\nx"),
              Contains("UNKNOWN_CHARSET"));
}

TEST(StructureTest, T_B10_APieceOfAMessageCannotBeScanned) {
  EXPECT_THAT(FindingsIn("Content-Type: message/partial; id=x; number=1\r\n\r\nx"),
              ElementsAre("PARTIAL_MESSAGE"));
}

}  // namespace
}  // namespace cleanmail::scanner
