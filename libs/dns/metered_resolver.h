#pragma once

#include <memory>

#include "libs/dns/resolver.h"
#include "libs/telemetry/metrics.h"

namespace cleanmail::dns {

// Counts and times what another resolver answers: cleanmail_dns_questions_total{type, outcome},
// cleanmail_dns_answer_seconds. Thread-safe.
class MeteredResolver final : public Resolver {
 public:
  MeteredResolver(std::unique_ptr<Resolver> resolver, telemetry::MetricsRegistry& metrics);
  void Lookup(const Question& question, absl::Time deadline,
              absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) override;

 private:
  telemetry::MetricsRegistry& metrics_;
  telemetry::Histogram& seconds_;
  std::unique_ptr<Resolver> resolver_;
};

}  // namespace cleanmail::dns
