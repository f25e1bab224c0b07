#pragma once

#include "libs/telemetry/metrics.h"

namespace cleanmail::portal {

// Every metric of this room.
struct Metrics {
  explicit Metrics(telemetry::MetricsRegistry& registry)
      : requests(registry.AddCounter("cleanmail_portal_requests_total", "Requests answered.")),
        refused(registry.AddCounter("cleanmail_portal_unauthenticated_total",
                                    "Requests without a token that counts.")),
        limited(registry.AddCounter("cleanmail_portal_limited_total",
                                    "Requests answered 429: a caller asked too often.")),
        failures(registry.AddCounter("cleanmail_portal_failures_total",
                                     "Requests answered 5xx: look at the log.")),
        seconds(registry.AddHistogram("cleanmail_portal_request_seconds",
                                      "Time a request took to be answered.",
                                      telemetry::LatencyBounds())) {}

  telemetry::Counter& requests;
  telemetry::Counter& refused;
  telemetry::Counter& limited;
  telemetry::Counter& failures;
  telemetry::Histogram& seconds;
};

}  // namespace cleanmail::portal
