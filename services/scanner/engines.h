#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "services/scanner/analyzers/malware/engine.h"
#include "services/scanner/metrics.h"
#include "services/scanner/worker/scan_workers.h"

namespace cleanmail::scanner {

// What the engines are made with; outlives them.
struct EnginesParts {
  int64_t message_bytes;  // of the largest message that comes
  base::Clock& clock;
  telemetry::Log& log;
  telemetry::MetricsRegistry& registry;
  Metrics& metrics;
};

// The malware engines as configured, each a slot: clamd, the worker, commands. Thread-safe once
// TakeSlots was called.
class Engines {
 public:
  static absl::StatusOr<std::unique_ptr<Engines>> Make(const v1::ScannerConfig& settings,
                                                       const EnginesParts& parts);

  // The slots, to be asked of every message; they must not outlive this.
  std::vector<std::unique_ptr<Analyzer>> TakeSlots();
  // Messages that may wait for engines at once.
  int waiting() const { return waiting_; }
  // What the settings leave to be wished for: engines missing or badly set. Fixed once made.
  const std::vector<std::string>& advice() const { return advice_; }
  // What an operator should know: besides, engines that are away or old.
  std::vector<std::string> Warnings() const;
  // To be called every `check_interval`: sees to ages, and has the worker load what has changed.
  void Check();
  absl::Duration check_interval() const { return check_interval_; }
  // Loads signatures anew.
  void Reload();

 private:
  explicit Engines(const EnginesParts& parts) : parts_(parts) {}
  absl::Status AddClamd(const v1::Clamd& settings);
  absl::Status AddWorker(const v1::ScannerConfig& settings);
  absl::Status AddCommands(const v1::ScannerConfig& settings);
  void Add(std::unique_ptr<Engine> slot);

  const EnginesParts parts_;
  // Before the slots, which use it.
  std::unique_ptr<worker::ScanWorkers> workers_;
  std::vector<std::unique_ptr<Engine>> slots_;
  std::vector<const Engine*> all_;
  std::vector<std::string> advice_;
  std::vector<std::string> signature_paths_;  // whose change makes the worker load anew
  std::string seen_paths_;
  absl::Duration check_interval_ = absl::Minutes(1);
  absl::Duration old_after_ = absl::Hours(7 * 24);
  int waiting_ = 0;
  mutable absl::Mutex mutex_;
  // As of the last Check: asking may take as long as an engine does.
  std::vector<EngineFacts> facts_ ABSL_GUARDED_BY(mutex_);
  bool has_engine_ = false;  // one that knows malware
};

}  // namespace cleanmail::scanner
