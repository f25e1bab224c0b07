#pragma once

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Finds what is wrong with how a message is made: more parts, levels, bytes than are looked at;
// contents that programs read differently; names and texts that are not what they look like.
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
