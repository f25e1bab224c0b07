#include "libs/mail/smtp/notification.h"

#include <gtest/gtest.h>

namespace cleanmail::mail::smtp {
namespace {

// RFC 3461 §4.1, §4.2
TEST(RecipientParameters, AreReadAndWrittenAlike) {
  const auto parameters =
      ParseRecipientParameters(" notify=success,DELAY ORCPT=rfc822;bob+2Bx@example.org");
  ASSERT_TRUE(parameters.ok());
  EXPECT_EQ(*parameters, (RecipientParameters{.on_success = true,
                                              .on_delay = true,
                                              .original_recipient = "rfc822;bob+x@example.org"}));
  EXPECT_EQ(ToText(*parameters), " NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob+2Bx@example.org");
  EXPECT_EQ(ToText(*ParseRecipientParameters(" NOTIFY=NEVER")), " NOTIFY=NEVER");
  EXPECT_EQ(ToText({}), "");
}

TEST(RecipientParameters, AreRefusedWhenMalformedDoubledOrContradictory) {
  for (const char* text :
       {" NOTIFY", " NOTIFY=", " NOTIFY=NEVER,SUCCESS", " NOTIFY=SUCCESS,NEVER", " NOTIFY=SUCCESS,",
        " NOTIFY=,SUCCESS", " NOTIFY=ALWAYS", " NOTIFY=NEVER NOTIFY=NEVER",
        " ORCPT=bob@example.org", " ORCPT=rfc822;", " ORCPT=;bob@example.org", " ORCPT=rfc822;a+2",
        " ORCPT=rfc822;a+0D+0Ab", " ORCPT=rfc822;a+2b@x", " ORCPT=rfc822;a=b",
        " ORCPT=rfc822;a ORCPT=rfc822;a", " ORCPT=rf c;a", " ORCPT=utf-8;a+20"}) {
    EXPECT_FALSE(ParseRecipientParameters(text).ok()) << text;
  }
  EXPECT_TRUE(absl::IsUnimplemented(ParseRecipientParameters(" BY=120;R").status()));
  EXPECT_TRUE(ParseRecipientParameters(" ORCPT=rfc822;" + std::string(493, 'a')).ok());
  EXPECT_TRUE(absl::IsInvalidArgument(
      ParseRecipientParameters(" ORCPT=rfc822;" + std::string(494, 'a')).status()));
}

TEST(EnvelopeId, IsXtextOfAtMost100Octets) {
  EXPECT_EQ(*DecodeEnvelopeId("QQ314159+20a"), "QQ314159 a");
  EXPECT_EQ(EncodeXtext("a b=c+d\r\n"), "a+20b+3Dc+2Bd+0D+0A");
  EXPECT_TRUE(DecodeEnvelopeId(std::string(100, 'x')).ok());
  for (const std::string& text : {std::string(101, 'x'), std::string("a=b"), std::string("a+0A"),
                                  std::string("a+zz"), std::string()}) {
    EXPECT_FALSE(DecodeEnvelopeId(text).ok()) << text;
  }
}

}  // namespace
}  // namespace cleanmail::mail::smtp
