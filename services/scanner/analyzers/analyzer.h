#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/parsed_message.h"

namespace cleanmail::scanner {

using Findings = std::vector<mail::v1::Finding>;

// What an analyzer learned of a message beside what it has to say.
struct Analysis {
  Findings findings;
  // Links that stand in no text: read from codes in pictures. Hostile text.
  std::vector<std::string> links;
  // Files within archives, with `within` set.
  std::vector<mail::v1::Attachment> files;
};

// Looks at one message and says what it found. Thread-safe: many messages are looked at in
// parallel.
class Analyzer {
 public:
  virtual ~Analyzer() = default;
  virtual std::string_view name() const = 0;
  // Unavailable: an engine is away, the message shall wait. Any other error: this message made a
  // working engine fail.
  virtual absl::StatusOr<Findings> Analyze(const ParsedMessage& message) = 0;
  // The same with all it learned; what a scan asks.
  virtual absl::StatusOr<Analysis> Examine(const ParsedMessage& message) {
    absl::StatusOr<Findings> findings = Analyze(message);
    if (!findings.ok()) return findings.status();
    return Analysis{.findings = *std::move(findings), .links = {}, .files = {}};
  }
};

}  // namespace cleanmail::scanner
