#include "libs/base/json.h"

#include <gtest/gtest.h>

namespace cleanmail::base {
namespace {

std::string Again(std::string_view text) {
  const absl::StatusOr<Json> json = ParseJson(text);
  return json.ok() ? json->Print() : std::string(json.status().message());
}

TEST(Json, IsReadAndPrintedInItsOrder) {
  EXPECT_EQ(Again(R"( {"b": [1, -2.5e3, true, null], "a": {"x": "ä\u00e4\ud83d\ude00\t\/"}} )"),
            "{\"b\":[1,-2.5e3,true,null],\"a\":{\"x\":\"ää😀\\u0009/\"}}");
  EXPECT_EQ(ParseJson("[{\"a\":[]},{}]")->Print(true), "[\n  {\n    \"a\": []\n  },\n  {}\n]");
}

TEST(Json, WhatMayStandInAPageEndsNoTag) {
  EXPECT_EQ(Json::String("</script>&\x7f").Print(), R"("\u003c/script\u003e\u0026\u007f")");
}

TEST(Json, WhatIsNoneIsRefusedWithItsPlace) {
  EXPECT_EQ(Again("{'a':1}"), "not JSON: expected a member's name at byte 2");
  EXPECT_EQ(Again("{\"a\":1,\"a\":2}"), "not taken: the member \"a\" stands twice");
  EXPECT_EQ(Again(std::string(65, '[')), "not taken: JSON nested too deep");
  for (const std::string_view text :
       {"", "nul", "01", "1.", "-", "[1,]", "[1 2]", "{\"a\"}", "\"\\x\"", "\"\\ud800\"",
        "\"\\udc00\"", "\"\n\"", "\"\xff\"", "\"\xc0\xaf\"", "\"", "1 1", "{,}", "\"\\u12\""}) {
    EXPECT_FALSE(ParseJson(text).ok()) << text;
  }
}

TEST(Json, Utf8IsCheckedToTheLetter) {
  EXPECT_TRUE(IsUtf8("aä€😀"));
  EXPECT_FALSE(IsUtf8("\xed\xa0\x80"));      // a surrogate
  EXPECT_FALSE(IsUtf8("\xf4\x90\x80\x80"));  // beyond U+10FFFF
  EXPECT_FALSE(IsUtf8("\xe2\x82"));
}

}  // namespace
}  // namespace cleanmail::base
