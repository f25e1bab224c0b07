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
                                         "1 when no malware engine is configured.")),
        worker_seconds(registry.AddHistogram("cleanmail_scanner_worker_seconds",
                                             "Time of the worker, for messages it looked into.",
                                             telemetry::LatencyBounds())),
        worker_failures(registry.AddCounter("cleanmail_scanner_worker_failures_total",
                                            "Messages the worker failed on, each time.")),
        worker_lost(registry.AddCounter("cleanmail_scanner_worker_lost_total",
                                        "Worker processes that ended, or were ended for taking too "
                                        "long, in the middle of a message.")),
        worker_starts(registry.AddCounter("cleanmail_scanner_worker_starts_total",
                                          "Times the worker program has loaded its engines.")),
        worker_away(registry.AddGauge("cleanmail_scanner_worker_away",
                                      "1 while the worker is away and mail waits.")),
        spamd_answered(registry.AddCounter("cleanmail_scanner_spamd_answered_total",
                                           "Messages judged for other servers, by spamc.")),
        spamd_refused(registry.AddCounter(
            "cleanmail_scanner_spamd_refused_total",
            "Requests of spamc that were wrong, not offered or could not be answered.")),
        lessons(registry.AddCounter("cleanmail_scanner_lessons_total",
                                    "Messages learnt, learnt anew as the other kind, forgotten.")),
        training_seconds(registry.AddHistogram("cleanmail_scanner_training_seconds",
                                               "Time of training a classifier.",
                                               telemetry::LatencyBounds())),
        classifiers(registry.AddGauge("cleanmail_scanner_classifiers",
                                      "Classifiers that judge: the shared one, tenants' own.")),
        classifier_bytes(registry.AddGauge("cleanmail_scanner_classifier_bytes",
                                           "Memory of all classifiers.")) {}

  // Of one engine; `engine` is "clamd", "clamav", "yara" or a command's name.
  static telemetry::Gauge& SignaturesOf(telemetry::MetricsRegistry& registry,
                                        std::string_view engine) {
    return registry.AddGauge("cleanmail_scanner_engine_signatures",
                             "Signatures or rules an engine looks with.",
                             {{"engine", std::string(engine)}});
  }
  // 1 for the version in use.
  static telemetry::Gauge& VersionOf(telemetry::MetricsRegistry& registry, std::string_view engine,
                                     std::string_view version) {
    return registry.AddGauge("cleanmail_scanner_engine_version",
                             "1 for the version of an engine that is in use.",
                             {{"engine", std::string(engine)}, {"version", std::string(version)}});
  }
  static telemetry::Gauge& SignaturesAgeOf(telemetry::MetricsRegistry& registry,
                                           std::string_view engine) {
    return registry.AddGauge("cleanmail_scanner_engine_signatures_age_seconds",
                             "Age of an engine's signatures.", {{"engine", std::string(engine)}});
  }

  telemetry::Counter& scanned;
  telemetry::Counter& with_findings;
  telemetry::Histogram& scan_seconds;
  telemetry::Histogram& engine_seconds;
  telemetry::Counter& engine_failures;
  telemetry::Gauge& engine_away;
  telemetry::Gauge& engine_missing;
  telemetry::Histogram& worker_seconds;
  telemetry::Counter& worker_failures;
  telemetry::Counter& worker_lost;
  telemetry::Counter& worker_starts;
  telemetry::Gauge& worker_away;
  telemetry::Counter& spamd_answered;
  telemetry::Counter& spamd_refused;
  telemetry::Counter& lessons;
  telemetry::Histogram& training_seconds;
  telemetry::Gauge& classifiers;
  telemetry::Gauge& classifier_bytes;
};

}  // namespace cleanmail::scanner
