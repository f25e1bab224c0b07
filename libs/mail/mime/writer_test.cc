#include "libs/mail/mime/writer.h"

#include <gtest/gtest.h>

#include "libs/mail/mime/date.h"
#include "libs/mail/mime/header_block.h"
#include "libs/mail/mime/structure.h"

namespace cleanmail::mail::mime {
namespace {

TEST(Write, WritesFieldsEmptyLineAndBody) {
  EXPECT_EQ(Write({.fields = {{"Subject", "x"}, {"To", "a@b"}}, .body = "text\r\n"}),
            "Subject: x\r\nTo: a@b\r\n\r\ntext\r\n");
}

TEST(Write, T_A12_NoValueAddsAField) {
  const std::string written = Write({.fields = {{"Subject", "x\r\nBcc: y\n\nbody"}}, .body = {}});
  EXPECT_EQ(HeaderBlock::Parse(written)->fields().size(), 1u);
  EXPECT_EQ(written.find("\r\n\r\n"), written.size() - 4);
}

TEST(Multipart, HoldsItsPartsWhateverTheyContain) {
  std::vector<Part> parts = {TextPart("gr\xc3\xbc\xc3\x9f"
                                      "e\n--=_id_0\n"),
                             {.fields = {{"Content-Type", "text/x"}}, .body = "--=_id_0\r\nx"}};
  const std::string boundary = UnusedBoundary("id", parts);
  EXPECT_EQ(boundary, "=_id_1");
  const std::string message = Write(Multipart("mixed", "", boundary, parts));
  const Structure structure = Inspect(message);
  EXPECT_EQ(structure.parts, 2u);
  EXPECT_FALSE(structure.unclosed);
}

TEST(FormatDate, IsRfc5322) {
  EXPECT_EQ(FormatDate(absl::FromUnixSeconds(1700000000)), "Tue, 14 Nov 2023 22:13:20 +0000");
}

}  // namespace
}  // namespace cleanmail::mail::mime
