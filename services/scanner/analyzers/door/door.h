#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Says what ingress has found out about the client.
class Door final : public Analyzer {
 public:
  std::string_view name() const override { return "door"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;
};

}  // namespace cleanmail::scanner
