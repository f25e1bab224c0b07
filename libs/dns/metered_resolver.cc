#include "libs/dns/metered_resolver.h"

#include "absl/time/clock.h"
#include "libs/dns/records.h"

namespace cleanmail::dns {

MeteredResolver::MeteredResolver(std::unique_ptr<Resolver> resolver,
                                 telemetry::MetricsRegistry& metrics)
    : metrics_(metrics),
      seconds_(metrics.AddHistogram("cleanmail_dns_answer_seconds", "Time DNS took to answer.",
                                    telemetry::LatencyBounds())),
      resolver_(std::move(resolver)) {}

void MeteredResolver::Lookup(const Question& question, absl::Time deadline,
                             absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) {
  resolver_->Lookup(question, deadline,
                    [this, type = question.type, began = absl::Now(),
                     done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
                      seconds_.Observe(absl::ToDoubleSeconds(absl::Now() - began));
                      const char* outcome = answer.ok()                         ? "found"
                                            : absl::IsNotFound(answer.status()) ? "not_found"
                                                                                : "failed";
                      metrics_
                          .AddCounter("cleanmail_dns_questions_total",
                                      "Questions asked of DNS, behind the cache.",
                                      {{"type", std::string(TypeName(type))}, {"outcome", outcome}})
                          .Add();
                      std::move(done)(std::move(answer));
                    });
}

}  // namespace cleanmail::dns
