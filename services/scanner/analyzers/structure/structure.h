#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Finds messages with more parts or levels than are looked at.
class Structure final : public Analyzer {
 public:
  // The limits the message was parsed with.
  explicit Structure(mail::mime::StructureLimits limits) : limits_(limits) {}
  std::string_view name() const override { return "structure"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;

 private:
  const mail::mime::StructureLimits limits_;
};

}  // namespace cleanmail::scanner
