#pragma once

#include "services/scanner/analyzers/analyzer.h"
#include "services/scanner/learning/lessons.h"

namespace cleanmail::scanner {

// What a message is by all that was taught: a finding named by how sure it is, which weighs by how
// sure it is exactly. The evidence is the words that decided.
class Learned final : public Analyzer {
 public:
  // `lessons` outlives it.
  explicit Learned(const learning::Lessons& lessons) : lessons_(lessons) {}

  std::string_view name() const override { return "learned"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;

 private:
  const learning::Lessons& lessons_;
};

// The finding for a probability of spam. It weighs 0.5 where the chance is even, 4.9 from 99.9 %
// on, in between and below as the log of the odds, and no less than -3: what was learnt holds no
// message by itself, and lets none through that much else speaks against.
mail::v1::Finding LearnedFinding(const learning::Opinion& opinion, std::string_view analyzer);

}  // namespace cleanmail::scanner
