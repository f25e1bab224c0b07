#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Compares what links show with where they lead, and knows the tricks by which a target is made to
// look like another. Looks at the first 5,000 different links of HTML and plain texts
// and of codes in pictures. Asks nobody:
// no link is followed, no name resolved.
class Links final : public Analyzer {
 public:
  std::string_view name() const override { return "links"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;
};

}  // namespace cleanmail::scanner
