#pragma once

#include "libs/telemetry/metrics.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::policy {

// Every metric of this room.
struct Metrics {
  explicit Metrics(telemetry::MetricsRegistry& registry)
      : delivered(Disposed(registry, "deliver")),
        held(Disposed(registry, "hold")),
        discarded(Disposed(registry, "discard")) {}

  void Decided(mail::v1::DispositionKind kind) {
    switch (kind) {
      case mail::v1::DISPOSITION_KIND_DELIVER:
        delivered.Add();
        return;
      case mail::v1::DISPOSITION_KIND_HOLD:
        held.Add();
        return;
      case mail::v1::DISPOSITION_KIND_DISCARD:
        discarded.Add();
        return;
      default:
        return;
    }
  }

  telemetry::Counter& delivered;
  telemetry::Counter& held;
  telemetry::Counter& discarded;

 private:
  static telemetry::Counter& Disposed(telemetry::MetricsRegistry& registry,
                                      const char* disposition) {
    return registry.AddCounter("cleanmail_policy_decisions_total",
                               "Decisions for a set of recipients, by disposition.",
                               {{"disposition", disposition}});
  }
};

}  // namespace cleanmail::policy
