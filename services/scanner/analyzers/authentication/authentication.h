#pragma once

#include <string>
#include <vector>

#include "services/scanner/analyzers/analyzer.h"

namespace cleanmail::scanner {

// Says what the proofs of a message's sender are worth.
class AuthenticationAnalyzer final : public Analyzer {
 public:
  // Domains whose ARC seals are believed; A-labels in lower case.
  explicit AuthenticationAnalyzer(std::vector<std::string> trusted_sealers)
      : trusted_sealers_(std::move(trusted_sealers)) {}
  std::string_view name() const override { return "authentication"; }
  absl::StatusOr<Findings> Analyze(const ParsedMessage& message) override;

 private:
  bool SealedByATrustedOne(const mail::auth::arc::Verdict& arc) const;
  void JudgeDmarc(const SenderAuthentication& found, Findings& findings) const;

  const std::vector<std::string> trusted_sealers_;
};

}  // namespace cleanmail::scanner
