#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Says what kind of mail a message is: a newsletter, mail of a list people write to, other mail to
// many, what a machine has written, a report on other mail. At most one finding; none for mail
// between people.
class Newsletter final : public Analyzer {
 public:
  std::string_view name() const override { return "newsletter"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;
};

}  // namespace cleanmail::scanner
