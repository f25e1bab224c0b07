#include "services/scanner/analyzers/learned/learned.h"

#include <gtest/gtest.h>

namespace cleanmail::scanner {
namespace {

std::string NameAt(double probability) {
  const auto finding =
      LearnedFinding({.probability = probability, .because = "\"pills\""}, "learned");
  return finding.has_value() ? finding->name() : "";
}

TEST(Learned, SaysHowSureItIsInGrades) {
  EXPECT_EQ(NameAt(0.9995), "LEARNED_SPAM_999");
  EXPECT_EQ(NameAt(0.99), "LEARNED_SPAM_99");
  EXPECT_EQ(NameAt(0.96), "LEARNED_SPAM_95");
  EXPECT_EQ(NameAt(0.8), "LEARNED_SPAM_80");
  EXPECT_EQ(NameAt(0.2), "LEARNED_HAM_80");
  EXPECT_EQ(NameAt(0.03), "LEARNED_HAM_95");
  EXPECT_EQ(NameAt(0), "LEARNED_HAM_99");
}

TEST(Learned, SaysNothingWhenItIsNotSure) { EXPECT_EQ(NameAt(0.5), ""); }

TEST(Learned, SpamWeighsMoreThanHamAndCertaintyMore) {
  const auto weight = [](double probability) {
    return LearnedFinding({.probability = probability, .because = ""}, "learned")->weight();
  };
  EXPECT_GT(weight(0.9995), weight(0.99));
  EXPECT_GT(weight(0.99), weight(0.8));
  EXPECT_LT(weight(0.001), weight(0.1));
  EXPECT_LT(weight(0.1), 0);
}

TEST(Learned, TheEvidenceIsWhatDecidedMadeSafe) {
  const auto finding = LearnedFinding({.probability = 1, .because = "\"pi\x1bll\""}, "learned");
  EXPECT_EQ(finding->evidence(), "\"pi\\x1bll\"");
  EXPECT_EQ(finding->analyzer(), "learned");
}

}  // namespace
}  // namespace cleanmail::scanner
