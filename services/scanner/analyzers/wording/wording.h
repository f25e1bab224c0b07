#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Judges what a message talks its reader into: words about accounts, prizes, fortunes, blackmail,
// goods and parcels that stand close together, in seven languages, and texts that are only a
// picture. It knows no message, only vocabularies.
class Wording final : public Analyzer {
 public:
  std::string_view name() const override { return "wording"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;
};

}  // namespace cleanmail::scanner
