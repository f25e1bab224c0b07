#pragma once

#include "libs/telemetry/metrics.h"

namespace cleanmail::scanner {

// Every metric of this room.
struct Metrics {
  explicit Metrics(telemetry::MetricsRegistry& registry)
      : scanned(registry.AddCounter("cleanmail_scanner_messages_total", "Messages scanned.")),
        with_findings(registry.AddCounter("cleanmail_scanner_messages_with_findings_total",
                                          "Messages something was found in.")),
        scan_seconds(registry.AddHistogram("cleanmail_scanner_scan_seconds",
                                           "Time of a scan, all analyzers.",
                                           telemetry::LatencyBounds())),
        engine_seconds(registry.AddHistogram("cleanmail_scanner_engine_seconds",
                                             "Time of the malware engine.",
                                             telemetry::LatencyBounds())),
        engine_failures(registry.AddCounter("cleanmail_scanner_engine_failures_total",
                                            "Messages a working engine failed on, each time.")),
        engine_away(registry.AddGauge("cleanmail_scanner_engine_away",
                                      "1 while the malware engine is away and mail waits.")),
        engine_missing(registry.AddGauge("cleanmail_scanner_engine_missing",
                                         "1 when no malware engine is configured.")) {}

  telemetry::Counter& scanned;
  telemetry::Counter& with_findings;
  telemetry::Histogram& scan_seconds;
  telemetry::Histogram& engine_seconds;
  telemetry::Counter& engine_failures;
  telemetry::Gauge& engine_away;
  telemetry::Gauge& engine_missing;
};

}  // namespace cleanmail::scanner
