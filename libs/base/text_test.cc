#include "libs/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleanmail::base {
namespace {

TEST(Printable, T_A12_EscapesEverythingThatCouldForgeALine) {
  EXPECT_EQ(Printable("250 ok\r\n550 no"), "250 ok\\r\\n550 no");
  EXPECT_EQ(Printable(std::string_view("a\0b", 3)), "a\\x00b");
  EXPECT_EQ(Printable("\x1b[2J"), "\\x1b[2J");
  EXPECT_EQ(Printable("back\\slash"), "back\\\\slash");
  EXPECT_EQ(Printable("\x7f"), "\\x7f");
  EXPECT_EQ(Printable("\xc2\x9b"
                      "31m"),
            "\\xc2\\x9b31m");  // C1 CSI
}

TEST(Printable, KeepsValidUtf8AndEscapesTheRest) {
  EXPECT_EQ(Printable("Grüße"), "Grüße");
  EXPECT_EQ(Printable("\xc0\xaf"), "\\xc0\\xaf");           // overlong slash
  EXPECT_EQ(Printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");  // surrogate
  EXPECT_EQ(Printable("\xe2\x82"), "\\xe2\\x82");           // cut short
}

TEST(Printable, CutsAtTheLimit) { EXPECT_EQ(Printable("abcdef", 3), "abc…"); }

TEST(Nearest, FindsTheTypo) {
  const std::vector<std::string> keys = {"listeners", "limits", "timeouts"};
  EXPECT_EQ(Nearest("listners", keys), "listeners");
  EXPECT_EQ(Nearest("timeout", keys), "timeouts");
  EXPECT_EQ(Nearest("completely-different", keys), "");
}

}  // namespace
}  // namespace cleanmail::base
