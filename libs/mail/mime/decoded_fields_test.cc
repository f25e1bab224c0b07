#include "libs/mail/mime/decoded_fields.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

std::vector<DecodedField> Decode(const std::string& header, DecodedFieldLimits limits = {}) {
  return DecodeFields(*HeaderBlock::Parse(header, HeaderLimits{}), limits);
}

TEST(DecodedFieldsTest, ValuesAreUnfoldedAndDecoded) {
  const auto fields = Decode("Subject: =?utf-8?q?J=C3=B6rg?=\r\n and more\r\nX-A: b\r\n\r\n");
  ASSERT_EQ(fields.size(), 2U);
  EXPECT_EQ(fields[0].name, "Subject");
  EXPECT_EQ(fields[0].value, "J\xc3\xb6rg and more");
  EXPECT_EQ(fields[1].value, "b");
}

TEST(DecodedFieldsTest, NothingPassesTheLimits) {
  std::string header;
  for (int i = 0; i < 50; ++i) header += "X-Many: " + std::string(300, 'x') + "\r\n";
  header += "\r\n";
  EXPECT_EQ(Decode(header, {.fields = 7}).size(), 7U);
  EXPECT_EQ(Decode(header, {.characters = 10})[0].value.size(), 10U);
  EXPECT_EQ(Decode(header, {.bytes = 1000}).size(), 3U);
}

TEST(DecodedFieldsTest, ACutNeverHalvesACharacter) {
  const auto fields = Decode("Subject: =?utf-8?q?=C3=B6=C3=B6=C3=B6?=\r\n\r\n", {.characters = 2});
  EXPECT_EQ(fields[0].value, "\xc3\xb6\xc3\xb6");
}

}  // namespace
}  // namespace cleanmail::mail::mime
