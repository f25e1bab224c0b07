#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "libs/telemetry/metrics.h"

namespace cleanmail::ingress {

// Every metric of this room.
struct Metrics {
  explicit Metrics(telemetry::MetricsRegistry& registry)
      : sessions(registry.AddCounter("cleanmail_ingress_sessions_total", "SMTP sessions taken.")),
        sessions_open(registry.AddGauge("cleanmail_ingress_sessions_open", "SMTP sessions now.")),
        sessions_limited(
            registry.AddCounter("cleanmail_ingress_sessions_limited_total",
                                "Connections refused for the limits of sessions at once.")),
        sessions_tls(registry.AddCounter("cleanmail_ingress_sessions_tls_total",
                                         "Sessions that began TLS.")),
        timeouts(registry.AddCounter("cleanmail_ingress_timeouts_total",
                                     "Sessions ended because the client was too slow.")),
        messages(registry.AddCounter("cleanmail_ingress_messages_total",
                                     "Messages kept; one for each tenant among the recipients.")),
        bytes(registry.AddCounter("cleanmail_ingress_bytes_total", "Bytes of the messages kept.")),
        refused_for_good(registry.AddCounter("cleanmail_ingress_refused_total",
                                             "Senders, recipients and messages refused.",
                                             {{"kind", "permanent"}})),
        refused_for_now(registry.AddCounter("cleanmail_ingress_refused_total",
                                            "Senders, recipients and messages refused.",
                                            {{"kind", "temporary"}})),
        scans_passed(registry.AddCounter("cleanmail_ingress_session_scans_total",
                                         "Messages scanned while the sender waited.",
                                         {{"outcome", "passed"}})),
        scans_refused(registry.AddCounter("cleanmail_ingress_session_scans_total",
                                          "Messages scanned while the sender waited.",
                                          {{"outcome", "refused"}})),
        scans_later(registry.AddCounter("cleanmail_ingress_session_scans_total",
                                        "Messages scanned while the sender waited.",
                                        {{"outcome", "later"}})),
        greylist_later(Greylisted(registry, "later")),
        greylist_passed(Greylisted(registry, "passed")),
        held_up(registry.AddCounter("cleanmail_ingress_tarpit_delays_total",
                                    "Answers held up because the client erred again.")),
        dns_lists_off(registry.AddGauge("cleanmail_ingress_dns_lists_off",
                                        "Lists that failed their test and are not asked.")),
        keep_seconds(registry.AddHistogram("cleanmail_ingress_keep_seconds",
                                           "From the end of the data to the durable promise.",
                                           telemetry::LatencyBounds())),
        policy_seconds(registry.AddHistogram("cleanmail_ingress_policy_seconds",
                                             "Time policy took to answer.",
                                             telemetry::LatencyBounds())) {
    for (const std::string_view result :
         {"none", "neutral", "pass", "fail", "softfail", "temperror", "permerror"}) {
      spf.emplace(result, &registry.AddCounter("cleanmail_ingress_spf_total",
                                               "What SPF said of transactions' senders.",
                                               {{"result", std::string(result)}}));
    }
  }

  telemetry::Counter& sessions;
  telemetry::Gauge& sessions_open;
  telemetry::Counter& sessions_limited;
  telemetry::Counter& sessions_tls;
  telemetry::Counter& timeouts;
  telemetry::Counter& messages;
  telemetry::Counter& bytes;
  telemetry::Counter& refused_for_good;
  telemetry::Counter& refused_for_now;
  telemetry::Counter& scans_passed;
  telemetry::Counter& scans_refused;
  telemetry::Counter& scans_later;
  telemetry::Counter& greylist_later;
  telemetry::Counter& greylist_passed;
  telemetry::Counter& held_up;
  telemetry::Gauge& dns_lists_off;
  telemetry::Histogram& keep_seconds;
  telemetry::Histogram& policy_seconds;
  std::map<std::string, telemetry::Counter*, std::less<>> spf;  // by result (RFC 7208 §2.6)

 private:
  static telemetry::Counter& Greylisted(telemetry::MetricsRegistry& registry, const char* outcome) {
    return registry.AddCounter("cleanmail_ingress_greylist_total",
                               "Recipients that greylisting was asked about.",
                               {{"outcome", outcome}});
  }
};

}  // namespace cleanmail::ingress
