#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Judges how a message presents itself: a subject that shouts or is padded, a sender who gives no
// address or a random one, a greeting to nobody, large sums of money, text that is not shown, links
// that lead where little else lives.
class Appearance final : public Analyzer {
 public:
  std::string_view name() const override { return "appearance"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;
};

}  // namespace cleanmail::scanner
