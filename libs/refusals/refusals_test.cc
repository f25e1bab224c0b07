#include "libs/refusals/refusals.h"

#include <set>

#include <gtest/gtest.h>

namespace cleanmail::refusals {
namespace {

TEST(RefusalsTest, EveryRefusalHasACodeOfItsOwnAndCanBeFound) {
  std::set<std::string_view> codes;
  for (const Refusal& refusal : All()) {
    EXPECT_TRUE(refusal.code.starts_with("CMR-")) << refusal.code;
    EXPECT_TRUE(codes.insert(refusal.code).second) << refusal.code;
    EXPECT_EQ(Find(refusal.code), &refusal);
  }
  EXPECT_EQ(Find("CMR-NO-SUCH"), nullptr);
}

TEST(RefusalsTest, RepliesAreShortAsciiWithAnEnhancedCodeOfTheSameClass) {
  for (const Refusal& refusal : All()) {
    ASSERT_FALSE(refusal.enhanced.empty()) << refusal.code;
    EXPECT_EQ(refusal.enhanced[0] - '0', refusal.reply / 100) << refusal.code;
    // RFC 5321 §4.5.3.1.5: 512 octets; far less, so that it survives being quoted.
    EXPECT_LE(TextOf(refusal).size(), 150U) << refusal.code;
    for (const char c : refusal.sentence) EXPECT_TRUE(c >= ' ' && c <= '~') << refusal.code;
    EXPECT_FALSE(refusal.meaning.empty()) << refusal.code;
    EXPECT_FALSE(refusal.advice.empty()) << refusal.code;
  }
}

TEST(RefusalsTest, ATenantsOwnSentenceReplacesOursBehindTheCode) {
  EXPECT_EQ(TextOf(kRule, "We take no invoices here"), "CMR-POL-RULE We take no invoices here");
}

}  // namespace
}  // namespace cleanmail::refusals
