#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
#include "services/scanner/parsed_message.h"

namespace cleanmail::scanner {

using Findings = std::vector<mail::v1::Finding>;

// Looks at one message and says what it found. Thread-safe: many messages are looked at in
// parallel.
class Analyzer {
 public:
  virtual ~Analyzer() = default;
  virtual std::string_view name() const = 0;
  // Unavailable: an engine is away, the message shall wait. Any other error: this message made a
  // working engine fail.
  virtual absl::StatusOr<Findings> Analyze(const ParsedMessage& message) = 0;
};

}  // namespace cleanmail::scanner
