#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/store/blob/blob_store.h"
#include "services/scanner/analyzers/analyzer.h"
#include "services/scanner/authentication/authenticator.h"
#include "services/scanner/findings/finding_weights.h"
#include "services/scanner/metrics.h"

namespace cleanmail::scanner {

// What a scan found.
struct ScanResult {
  Findings findings;
  double score = 0;
  mail::v1::MessageFacts facts;  // empty when the body could not be read
};

// The same as events and calls carry it.
mail::v1::ScanResult ToProto(ScanResult result);

// What a scan works with beside analyzers; all of it outlives it.
struct ScanParts {
  blob::BlobStore& blobs;
  const Authenticator* authenticator = nullptr;  // null: nobody asks who sent a message
  std::string authserv_id = {};                  // in Authentication-Results
  Metrics& metrics;
  FindingWeights weights = {};  // what findings weigh
};

// Opens a body and asks every analyzer. Thread-safe.
class Scan {
 public:
  // `analyzers` are asked in this order: those that find links before the one that judges them.
  // Messages are looked at within `limits`. A message on which a working engine fails
  // `failures_before_finding` times gets the finding COULD_NOT_SCAN.
  Scan(ScanParts parts, std::vector<std::unique_ptr<Analyzer>> analyzers,
       mail::mime::StructureLimits limits, int failures_before_finding)
      : parts_(std::move(parts)),
        analyzers_(std::move(analyzers)),
        limits_(limits),
        failures_before_finding_(failures_before_finding) {}

  // Of a message whose body is in the store. Unavailable: the message shall wait (an engine or the
  // store is away, or a working engine failed and another try is due).
  absl::StatusOr<ScanResult> Run(const mail::v1::Message& message);
  // Of a message whose bytes are at hand; `message` may be empty but for its id. Unavailable as
  // above, but for the store.
  absl::StatusOr<ScanResult> Look(const mail::v1::Message& message, std::string_view bytes);

 private:
  void Count(const ScanResult& result, absl::Time began) const;
  absl::StatusOr<Analysis> Analyze(ParsedMessage& message, const std::string& id);
  // Counts a failure of a message; true once it has failed often enough.
  bool HasFailedTooOften(const std::string& message);
  void ForgetFailures(const std::string& message);

  const ScanParts parts_;
  const std::vector<std::unique_ptr<Analyzer>> analyzers_;
  const mail::mime::StructureLimits limits_;
  const int failures_before_finding_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, int> failures_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::scanner
