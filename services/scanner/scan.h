#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/store/blob/blob_store.h"
#include "services/scanner/analyzers/analyzer.h"
#include "services/scanner/metrics.h"

namespace cleanmail::scanner {

// What a scan found.
struct ScanResult {
  Findings findings;
  double score = 0;
  mail::v1::MessageFacts facts;  // empty when the body could not be read
  // Links that stand in no text, each once.
  std::vector<std::string> links;
};

// Opens a body and asks every analyzer. Thread-safe.
class Scan {
 public:
  // Messages are looked at within `limits`. A message on which a working engine fails
  // `failures_before_finding` times gets the finding COULD_NOT_SCAN.
  Scan(blob::BlobStore& blobs, std::vector<std::unique_ptr<Analyzer>> analyzers,
       mail::mime::StructureLimits limits, int failures_before_finding, Metrics& metrics)
      : blobs_(blobs),
        analyzers_(std::move(analyzers)),
        limits_(limits),
        failures_before_finding_(failures_before_finding),
        metrics_(metrics) {}

  // Unavailable: the message shall wait (an engine or the store is away, or a working engine failed
  // and another try is due).
  absl::StatusOr<ScanResult> Run(const blob::BlobName& body);

 private:
  absl::StatusOr<Analysis> Analyze(const ParsedMessage& message, const blob::BlobName& body);
  // Counts a failure of a message; true once it has failed often enough.
  bool HasFailedTooOften(const std::string& message);
  void ForgetFailures(const std::string& message);

  blob::BlobStore& blobs_;
  const std::vector<std::unique_ptr<Analyzer>> analyzers_;
  const mail::mime::StructureLimits limits_;
  const int failures_before_finding_;
  Metrics& metrics_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, int> failures_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::scanner
