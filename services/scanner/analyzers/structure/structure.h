#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// How much structure is looked at.
struct StructureLimits {
  int parts = 1000;
  int depth = 50;
};

// Finds messages with more parts or levels than are looked at.
class Structure final : public Analyzer {
 public:
  explicit Structure(StructureLimits limits) : limits_(limits) {}
  std::string_view name() const override { return "structure"; }
  absl::StatusOr<Findings> Analyze(std::string_view message) override;

 private:
  const StructureLimits limits_;
};

}  // namespace cleanmail::scanner
