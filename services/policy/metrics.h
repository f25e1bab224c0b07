#pragma once

#include "libs/telemetry/metrics.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::policy {

// Every metric of this room.
struct Metrics {
  explicit Metrics(telemetry::MetricsRegistry& registry)
      : delivered(Disposed(registry, "deliver")),
        held(Disposed(registry, "hold")),
        discarded(Disposed(registry, "discard")),
        redirected(Disposed(registry, "redirect")),
        refused_outlook_express(Refused(registry, "CMR-HDR-OE-EOL")),
        refused_rule(Refused(registry, "CMR-POL-RULE")),
        refused_block(Refused(registry, "CMR-LST-BLOCK")),
        refused_tenant(Refused(registry, "CMR-RCP-TENANT")),
        unknown_policies(registry.AddCounter(
            "cleanmail_policy_unknown_policies_total",
            "Times a policy was assigned that does not exist, and standard was taken.")),
        rules_changed(registry.AddCounter("cleanmail_policy_rules_changed_total",
                                          "Changes of rules this process has followed.")),
        rules_broken(registry.AddCounter(
            "cleanmail_policy_rules_broken_total",
            "Changes that could not be followed: the rules before them stay in force.")),
        remembered(registry.AddCounter("cleanmail_policy_remembered_total",
                                       "Judgements kept for explanations and dry runs.")),
        not_remembered(registry.AddCounter(
            "cleanmail_policy_not_remembered_total",
            "Judgements that could not be kept; the mail went on.")) {}

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
      case mail::v1::DISPOSITION_KIND_REDIRECT:
        redirected.Add();
        return;
      default:
        return;
    }
  }

  telemetry::Counter& delivered;
  telemetry::Counter& held;
  telemetry::Counter& discarded;
  telemetry::Counter& redirected;
  telemetry::Counter& refused_outlook_express;
  telemetry::Counter& refused_rule;
  telemetry::Counter& refused_block;
  telemetry::Counter& refused_tenant;
  telemetry::Counter& unknown_policies;
  telemetry::Counter& rules_changed;
  telemetry::Counter& rules_broken;
  telemetry::Counter& remembered;
  telemetry::Counter& not_remembered;

 private:
  static telemetry::Counter& Disposed(telemetry::MetricsRegistry& registry,
                                      const char* disposition) {
    return registry.AddCounter("cleanmail_policy_decisions_total",
                               "Decisions for a set of recipients, by disposition.",
                               {{"disposition", disposition}});
  }
  static telemetry::Counter& Refused(telemetry::MetricsRegistry& registry, const char* code) {
    return registry.AddCounter("cleanmail_policy_refusals_total",
                               "Recipients or messages refused in session, by code.",
                               {{"code", code}});
  }
};

}  // namespace cleanmail::policy
