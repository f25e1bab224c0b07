#include "libs/mail/mime/flowed.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

TEST(FlowedTest, SoftLineEndsAreJoined) {
  EXPECT_EQ(JoinFlowed("one \r\ntwo\r\n\r\nthree", false), "one two\r\n\r\nthree");
  EXPECT_EQ(JoinFlowed("on \r\ne\r\n", true), "one\r\n");
}

TEST(FlowedTest, QuotesAreJoinedWithinTheirDepthAndStuffingGoes) {
  EXPECT_EQ(JoinFlowed("> a \r\n> b\r\n>> c \r\nd\r\n From x\r\n", false),
            "> a b\r\n>> c \r\nd\r\nFrom x\r\n");
}

TEST(FlowedTest, ASignatureMarkIsNoSoftLine) {
  EXPECT_EQ(JoinFlowed("x\r\n-- \r\nme\r\n", false), "x\r\n-- \r\nme\r\n");
}

}  // namespace
}  // namespace cleanmail::mail::mime
