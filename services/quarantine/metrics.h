#pragma once

#include "libs/telemetry/metrics.h"

namespace cleanmail::quarantine {

// Every metric of this room.
struct Metrics {
  explicit Metrics(telemetry::MetricsRegistry& registry)
      : holds(registry.AddCounter("cleanmail_quarantine_holds_total",
                                  "Messages taken into quarantine.")),
        releases(registry.AddCounter("cleanmail_quarantine_releases_total",
                                     "Releases, each of one or more recipients.")),
        expired(registry.AddCounter("cleanmail_quarantine_expired_total",
                                    "Held recipients whose time was over.")),
        rescans(registry.AddCounter("cleanmail_quarantine_rescans_total", "Rescans asked for.")),
        unprocessed(registry.AddCounter(
            "cleanmail_quarantine_unprocessed_total",
            "Messages held because a room could not handle their event: look at the log.")),
        held_recipients(registry.AddGauge("cleanmail_quarantine_held_recipients",
                                          "Recipients with a message held, now.")) {}

  telemetry::Counter& holds;
  telemetry::Counter& releases;
  telemetry::Counter& expired;
  telemetry::Counter& rescans;
  telemetry::Counter& unprocessed;
  telemetry::Gauge& held_recipients;
};

}  // namespace cleanmail::quarantine
