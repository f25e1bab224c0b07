#include "libs/mail/mime/structure.h"

#include <string>

#include <gtest/gtest.h>

namespace cleanmail::mail::mime {
namespace {

TEST(ParseContentType, ReadsTypeAndBoundary) {
  const ContentType type =
      ParseContentType(" Multipart/Mixed; charset=x;\r\n\tBoundary = \"a b;c\" ; x=y");
  EXPECT_EQ(type.type, "Multipart");
  EXPECT_EQ(type.subtype, "Mixed");
  EXPECT_EQ(type.boundary, "a b;c");
  EXPECT_EQ(ParseContentType("multipart/mixed; boundary=abc").boundary, "abc");
  EXPECT_EQ(ParseContentType("multipart/mixed; boundary=\"abc").boundary, "abc");
  EXPECT_EQ(ParseContentType(";;=;boundary").boundary, "");
  EXPECT_EQ(ParseContentType("").type, "");
}

TEST(Inspect, ASingleBodyIsOnePart) {
  const Structure s = Inspect("Subject: x\r\n\r\nbody");
  EXPECT_EQ(s.parts, 1u);
  EXPECT_EQ(s.depth, 0u);
}

TEST(Inspect, CountsNestedPartsAndMessages) {
  const Structure s = Inspect(
      "Content-Type: multipart/mixed;\r\n boundary=outer\r\n\r\npreamble\r\n"
      "--outer\r\nContent-Type: multipart/alternative; boundary=\"outer-in\"\r\n\r\n"
      "--outer-in\r\n\r\ntext\r\n--outer-in\r\nContent-Type: "
      "text/html\r\n\r\nhtml\r\n--outer-in--\r\n"
      "--outer\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\nbody\r\n"
      "--outer--\r\nepilogue\r\n--outer\r\n");
  EXPECT_EQ(s.parts, 3u);
  EXPECT_EQ(s.multiparts, 2u);
  EXPECT_EQ(s.depth, 2u);
  EXPECT_FALSE(s.unclosed);
}

TEST(Inspect, AnOuterBoundaryEndsWhatIsInside) {
  const Structure s = Inspect(
      "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/mixed; "
      "boundary=b\r\n\r\n--b\r\n\r\nx\r\n"
      "--a\r\n\r\ny\r\n");
  EXPECT_EQ(s.parts, 2u);
  EXPECT_TRUE(s.unclosed);
}

TEST(Inspect, T_A6_StopsAtItsLimits) {
  std::string deep;
  for (int i = 0; i < 5000; ++i) {
    deep += "Content-Type: multipart/mixed; boundary=b" + std::to_string(i) + "\r\n\r\n--b" +
            std::to_string(i) + "\r\n";
  }
  const Structure s = Inspect(deep);
  EXPECT_TRUE(s.over_limit);
  EXPECT_LE(s.depth, 100u);

  std::string wide = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  for (int i = 0; i < 20000; ++i) wide += "--b\r\n\r\n";
  EXPECT_TRUE(Inspect(wide).over_limit);
  EXPECT_TRUE(Inspect("X: " + std::string(300000, 'x')).over_limit);
}

}  // namespace
}  // namespace cleanmail::mail::mime
