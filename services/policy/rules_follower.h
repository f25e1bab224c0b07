#pragma once

#include <memory>

#include "absl/status/status.h"
#include "libs/bus/bus.h"
#include "libs/telemetry/log.h"
#include "services/policy/metrics.h"
#include "services/policy/rule_book.h"

namespace cleanmail::policy {

// Keeps the book fresh from `policy.rules.v1`, whose newest events hold all there is. All that is
// lent outlives it.
class RulesFollower {
 public:
  RulesFollower(bus::Bus& bus, RuleBook& book, telemetry::Log& log, Metrics& metrics)
      : bus_(bus), book_(book), log_(log), metrics_(metrics) {}

  // Begins to follow; the book is complete once what was there at the beginning has been applied.
  // Called once.
  absl::Status Start();

 private:
  void Apply(const bus::Change& change);

  bus::Bus& bus_;
  RuleBook& book_;
  telemetry::Log& log_;
  Metrics& metrics_;
  std::unique_ptr<bus::Subscription> subscription_;  // last: it stops before the rest goes
};

}  // namespace cleanmail::policy
