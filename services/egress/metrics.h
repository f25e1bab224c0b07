#pragma once

#include "libs/telemetry/metrics.h"

namespace cleanmail::egress {

// Every metric of this room.
struct Metrics {
  explicit Metrics(telemetry::MetricsRegistry& registry)
      : delivered(Ended(registry, "delivered")),
        deferred(Ended(registry, "deferred")),
        refused(Ended(registry, "refused")),
        expired(Ended(registry, "expired")),
        notices(registry.AddCounter("cleanmail_egress_notices_total",
                                    "Notices to senders of what became of their mail.")),
        changes_undone(registry.AddCounter(
            "cleanmail_egress_changes_undone_total",
            "Changes that a rule wanted and the message did not allow, such as a banner in a "
            "signed part.")),
        sealed(Seals(registry, "sealed")),
        unsealed(Seals(registry, "left_out")),
        connections(registry.AddGauge("cleanmail_egress_connections",
                                      "Connections to destinations open now.")),
        open(registry.AddGauge("cleanmail_egress_open_deliveries",
                               "Deliveries not finished, in memory.")),
        attempt_seconds(registry.AddHistogram("cleanmail_egress_attempt_seconds",
                                              "Time of an attempt.", telemetry::LatencyBounds())),
        queue_seconds(registry.AddHistogram("cleanmail_egress_queue_seconds",
                                            "From acceptance to delivery.",
                                            telemetry::LatencyBounds())) {}

  telemetry::Counter& delivered;
  telemetry::Counter& deferred;
  telemetry::Counter& refused;
  telemetry::Counter& expired;
  telemetry::Counter& notices;
  telemetry::Counter& changes_undone;
  telemetry::Counter& sealed;
  telemetry::Counter& unsealed;
  telemetry::Gauge& connections;
  telemetry::Gauge& open;
  telemetry::Histogram& attempt_seconds;
  telemetry::Histogram& queue_seconds;

 private:
  static telemetry::Counter& Ended(telemetry::MetricsRegistry& registry, const char* state) {
    return registry.AddCounter("cleanmail_egress_recipients_total",
                               "Recipients by how an attempt ended for them.", {{"state", state}});
  }
  static telemetry::Counter& Seals(telemetry::MetricsRegistry& registry, const char* outcome) {
    return registry.AddCounter("cleanmail_egress_arc_seals_total",
                               "Messages sealed (ARC) as they left, or not to be sealed.",
                               {{"outcome", outcome}});
  }
};

}  // namespace cleanmail::egress
