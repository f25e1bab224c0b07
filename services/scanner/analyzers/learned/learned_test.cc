#include "services/scanner/analyzers/learned/learned.h"

#include <gtest/gtest.h>

namespace cleanmail::scanner {
namespace {

mail::v1::Finding At(double probability) {
  return LearnedFinding({.probability = probability, .because = "\"pills\""}, "learned");
}
std::string NameAt(double probability) { return At(probability).name(); }
double WeightAt(double probability) { return At(probability).weight(); }

TEST(Learned, SaysHowSureItIsInGrades) {
  EXPECT_EQ(NameAt(0.9995), "LEARNED_SPAM_999");
  EXPECT_EQ(NameAt(0.99), "LEARNED_SPAM_99");
  EXPECT_EQ(NameAt(0.96), "LEARNED_SPAM_95");
  EXPECT_EQ(NameAt(0.8), "LEARNED_SPAM_80");
  EXPECT_EQ(NameAt(0.5), "LEARNED_UNSURE");
  EXPECT_EQ(NameAt(0.2), "LEARNED_HAM_80");
  EXPECT_EQ(NameAt(0.03), "LEARNED_HAM_95");
  EXPECT_EQ(NameAt(0), "LEARNED_HAM_99");
}

TEST(Learned, WeighsAsTheLogOfTheOdds) {
  EXPECT_EQ(WeightAt(0.5), 0.5);
  EXPECT_NEAR(WeightAt(0.99), 3.43, 0.001);
  EXPECT_NEAR(WeightAt(0.01), -2.43, 0.001);
  EXPECT_NEAR(WeightAt(0.8) - WeightAt(0.5), WeightAt(0.5) - WeightAt(0.2), 0.011);
}

TEST(Learned, HoldsNoMessageByItselfAndExcusesLittle) {
  EXPECT_EQ(WeightAt(0.999), 4.9);
  EXPECT_EQ(WeightAt(1), 4.9);
  EXPECT_EQ(WeightAt(0), -3);
  EXPECT_EQ(WeightAt(0.002), -3);
}

TEST(Learned, TheEvidenceIsWhatDecidedMadeSafe) {
  const auto finding = LearnedFinding({.probability = 1, .because = "\"pi\x1bll\""}, "learned");
  EXPECT_EQ(finding.evidence(), "\"pi\\x1bll\"");
  EXPECT_EQ(finding.analyzer(), "learned");
}

}  // namespace
}  // namespace cleanmail::scanner
