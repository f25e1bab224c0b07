#include "libs/mail/auth/lookups.h"

#include <gtest/gtest.h>

#include "libs/mail/auth/fake_zone.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth {
namespace {

TEST(Lookups, AsksEachQuestionOnceHoweverItIsWritten) {
  Lookups lookups;
  EXPECT_EQ(lookups.Find("Example.ORG.", dns::Type::kTxt), nullptr);
  EXPECT_EQ(lookups.Find("example.org", dns::Type::kTxt), nullptr);
  EXPECT_EQ(lookups.TakeWanted().size(), 1u);
  EXPECT_TRUE(lookups.TakeWanted().empty());
  lookups.Tell({.name = "example.org", .type = dns::Type::kTxt}, dns::Answer{.texts = {"x"}});
  ASSERT_NE(lookups.Find("EXAMPLE.org", dns::Type::kTxt), nullptr);
  EXPECT_EQ(lookups.asked(), 1u);
}

TEST(Lookups, T_C6_ANameThatCannotExistIsNeverAsked) {
  Lookups lookups;
  for (const std::string& name :
       {std::string(), std::string("a..b"), std::string(".a"), std::string(64, 'a') + ".org",
        std::string("a\\.b.org"), std::string("a\n.org"), std::string("\xC3\xA4.org"),
        std::string("${run}\0.org", 11)}) {
    const auto* const reply = lookups.Find(name, dns::Type::kA);
    ASSERT_NE(reply, nullptr) << name;
    EXPECT_TRUE(IsNothing(*reply));
  }
  EXPECT_TRUE(lookups.TakeWanted().empty());
}

TEST(Lookups, T_C6_OneBudgetHoldsForAMessage) {
  Lookups lookups(2);
  EXPECT_EQ(lookups.Find("a.org", dns::Type::kA), nullptr);
  EXPECT_EQ(lookups.Find("b.org", dns::Type::kA), nullptr);
  const auto* const third = lookups.Find("c.org", dns::Type::kA);
  ASSERT_NE(third, nullptr);
  EXPECT_FALSE(IsNothing(*third));
  EXPECT_FALSE(third->ok());
}

TEST(Text, Base64IsStrictButForWhiteSpace) {
  EXPECT_EQ(StrictBase64("YW Jj\r\n ZA=="), "abcd");
  EXPECT_EQ(StrictBase64(""), "");
  for (const char* bad : {"YWJjZA=", "YWJj*A==", "YQ==YQ==", "====", "Y"})
    EXPECT_EQ(StrictBase64(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace cleanmail::mail::auth
