#pragma once

#include "libs/telemetry/metrics.h"

namespace cleanmail::provisioning {

// Every metric of this room.
struct Metrics {
  explicit Metrics(telemetry::MetricsRegistry& registry)
      : callouts_exists(Callouts(registry, "exists")),
        callouts_not(Callouts(registry, "does_not_exist")),
        callouts_unknown(Callouts(registry, "unknown")),
        callouts_remembered(Callouts(registry, "remembered")),
        callout_alerts(registry.AddCounter(
            "cleanmail_provisioning_callout_alerts_total",
            "Destinations that began to say of known recipients that they do not exist.")),
        callout_seconds(registry.AddHistogram("cleanmail_provisioning_callout_seconds",
                                              "Time of a probe at a destination.",
                                              telemetry::LatencyBounds())) {}

  telemetry::Counter& callouts_exists;
  telemetry::Counter& callouts_not;
  telemetry::Counter& callouts_unknown;
  telemetry::Counter& callouts_remembered;
  telemetry::Counter& callout_alerts;
  telemetry::Histogram& callout_seconds;

 private:
  static telemetry::Counter& Callouts(telemetry::MetricsRegistry& registry, const char* outcome) {
    return registry.AddCounter("cleanmail_provisioning_callouts_total",
                               "Recipients asked for, by what was answered.",
                               {{"outcome", outcome}});
  }
};

}  // namespace cleanmail::provisioning
