#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Judges names of companies that are often abused: shown as the sender's, put into links or under
// the text, by somebody who is not of that company's domains. For every tenant; names and domains
// of his own are `impersonation`'s.
class Brands final : public Analyzer {
 public:
  std::string_view name() const override { return "brands"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;
};

}  // namespace cleanmail::scanner
