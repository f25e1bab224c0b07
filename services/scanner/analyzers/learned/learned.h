#pragma once

#include "services/scanner/analyzers/analyzer.h"
#include "services/scanner/learning/lessons.h"

namespace cleanmail::scanner {

// What a message is by all that was taught: a finding for each grade of certainty, none in between.
// The evidence is the words that decided.
class Learned final : public Analyzer {
 public:
  // `lessons` outlives it.
  explicit Learned(const learning::Lessons& lessons) : lessons_(lessons) {}

  std::string_view name() const override { return "learned"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;

 private:
  const learning::Lessons& lessons_;
};

// The finding for a probability of spam; nullopt between the grades.
std::optional<mail::v1::Finding> LearnedFinding(const learning::Opinion& opinion,
                                                std::string_view analyzer);

}  // namespace cleanmail::scanner
