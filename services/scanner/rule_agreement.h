#pragma once

#include <string>

#include "absl/synchronization/mutex.h"
#include "libs/store/kv/kv_store.h"
#include "libs/telemetry/log.h"
#include "services/scanner/analyzers/spam/rules/rule_sets.h"

namespace cleanmail::scanner {

// Scanners of one installation use the same rules: a change that one was told of is made by the
// others when they next look. What is agreed on is forgotten after some minutes: a scanner that
// starts takes what is in its folders. Thread-safe.
class RuleAgreement {
 public:
  RuleAgreement(spam::RuleSets& sets, kv::KvStore& kv, telemetry::Log& log)
      : sets_(sets), kv_(kv), log_(log) {}

  // Tells the others that the rules in use now are to be used. Where that fails, the log says so.
  void Tell();
  // Uses what another scanner told of; to be called every few seconds. Takes a second when rules
  // are to be read. Where the folders hold other files than the other scanner's, the log says so.
  void Follow();

 private:
  absl::Status Use(const std::string& digest);

  spam::RuleSets& sets_;
  kv::KvStore& kv_;
  telemetry::Log& log_;
  absl::Mutex mutex_;
  std::string done_ ABSL_GUARDED_BY(mutex_);  // the digest that was told or followed last
};

}  // namespace cleanmail::scanner
