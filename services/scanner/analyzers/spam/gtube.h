#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Finds the Generic Test for Unsolicited Bulk Email, by which an administrator sees that filtering
// works.
class Gtube final : public Analyzer {
 public:
  std::string_view name() const override { return "gtube"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;
};

}  // namespace cleanmail::scanner
