#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/scanner/as_received.h"  // IWYU pragma: export

namespace cleanmail::scanner {

// The scanner without a gateway around it: no store, no bus, no DNS. It says what can be said of a
// mail's bytes alone: nothing of who sent it, nothing of whom it pretends to be from. Thread-safe.
class OfflineScanner {
 public:
  // Works with engines, the worker for attachments and spam rules as the gateway does: those
  // `settings` names, else what this machine has. InvalidArgument: a setting is wrong. NotFound:
  // the rules or the worker named are not there.
  static absl::StatusOr<std::unique_ptr<OfflineScanner>> Create(const v1::ScannerConfig& settings);
  ~OfflineScanner();

  // `mail` as files have it: lines end in CRLF or LF, a line of mbox in front is dropped.
  // Unavailable: an engine is away, or fails on this mail.
  absl::StatusOr<v1::MailScanned> Scan(std::string_view mail);
  // What it cannot say, in sentences.
  std::vector<std::string> warnings() const;

 private:
  struct Parts;
  explicit OfflineScanner(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

// What a finding means, and what to do; empty for one that is not in the catalogue.
struct FindingWords {
  std::string_view meaning;
  std::string_view advice;
};
FindingWords WordsOf(std::string_view finding);

}  // namespace cleanmail::scanner
