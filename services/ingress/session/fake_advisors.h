#pragma once

#include <atomic>
#include <string>
#include <utility>

#include "services/ingress/session/advisors.h"

namespace cleanmail::ingress {

// Takes all but blocked@example.org.
class FakePolicy final : public MailPolicy {
 public:
  void EvaluateEnvelope(policy::v1::EvaluateEnvelopeRequest request, Asking,
                        Done<policy::v1::EvaluateEnvelopeResponse> done) override {
    ++calls;
    if (away) return std::move(done)(absl::UnavailableError("away"));
    policy::v1::EvaluateEnvelopeResponse response;
    for (const auto& recipient : request.recipients()) {
      policy::v1::EnvelopeDecision& decision = *response.add_decisions();
      decision.set_accepted(recipient.address() != "blocked@example.org");
      decision.set_code(550);
      decision.set_enhanced_code("5.7.1");
      decision.set_text("Blocked by a rule");
      decision.set_scan_may_refuse(recipient.address() != "lenient@example.org");
      if (watch && recipient.tenant() == "other") decision.set_verdict_class("other");
      if (watch) {
        policy::v1::HeaderTrigger& trigger = *decision.add_triggers();
        trigger.set_name("x-mailer");
        trigger.set_contains("outlook express");
      }
    }
    std::move(done)(response);
  }
  void EvaluateHeaders(policy::v1::EvaluateHeadersRequest request, Asking,
                       Done<policy::v1::EvaluateHeadersResponse> done) override {
    ++header_calls;
    if (away) return std::move(done)(absl::UnavailableError("away"));
    policy::v1::EvaluateHeadersResponse response;
    policy::v1::EnvelopeDecision& decision = *response.mutable_decision();
    decision.set_accepted(true);
    for (const auto& field : request.headers()) {
      if (field.name() == "X-Spare" || request.size() == 0) return std::move(done)(response);
    }
    decision.set_accepted(false);
    decision.set_code(550);
    decision.set_enhanced_code("5.7.1");
    decision.set_text("CMR-HDR-OE-EOL no");
    std::move(done)(response);
  }
  // Refuses what was scanned with a score of 100 and more.
  void EvaluateMessage(policy::v1::EvaluateMessageRequest request, Asking,
                       Done<policy::v1::EvaluateMessageResponse> done) override {
    if (away) return std::move(done)(absl::UnavailableError("away"));
    policy::v1::EvaluateMessageResponse response;
    policy::v1::EnvelopeDecision& decision = *response.mutable_decision();
    decision.set_accepted(request.scan().score() < 100);
    decision.set_code(550);
    decision.set_enhanced_code("5.7.1");
    decision.set_text("CMR-POL-RULE spam");
    std::move(done)(response);
  }
  std::atomic<int> calls{0};
  std::atomic<int> header_calls{0};
  std::atomic<bool> away{false};
  // Ask about X-Mailer of Outlook Express, and refuse it; recipients of the tenant "other" then
  // have a verdict class of their own.
  std::atomic<bool> watch{false};
};

// Finds a score of 100 in what holds "GTUBE", and 1 in all else.
class FakeMessageScan final : public MessageScan {
 public:
  void Scan(mail::v1::Message message, std::string content, Asking,
            absl::AnyInvocable<void(absl::StatusOr<mail::v1::ScanResult>) &&> done) override {
    ++calls;
    if (away) return std::move(done)(absl::UnavailableError("away"));
    mail::v1::ScanResult result;
    result.set_score(content.find("GTUBE") == std::string::npos ? 1 : 100);
    result.add_findings()->set_evidence(message.id());
    std::move(done)(std::move(result));
  }
  std::atomic<int> calls{0};
  std::atomic<bool> away{false};
};

// Knows "known@…", not "gone@…", and cannot say of others.
class FakeRecipientCheck final : public RecipientCheck {
 public:
  void Check(std::string, std::string address, Asking,
             absl::AnyInvocable<void(absl::StatusOr<RecipientAnswer>) &&> done) override {
    RecipientAnswer answer{.existence = Existence::kUnknown, .reply = "no connection"};
    if (address.starts_with("known@")) answer.existence = Existence::kExists;
    if (address.starts_with("gone@"))
      answer = {.existence = Existence::kDoesNotExist, .reply = "550 5.1.1 who?"};
    std::move(done)(answer);
  }
};

// Knows of destinations whose name begins with "old." that they take neither SMTPUTF8 nor more than
// 20 MiB.
class FakeDestinationLore final : public DestinationLore {
 public:
  void Describe(std::vector<Destination> destinations, Asking,
                absl::AnyInvocable<void(absl::StatusOr<std::vector<DestinationAbilities>>) &&> done)
      override {
    ++calls;
    if (away) return std::move(done)(absl::UnavailableError("away"));
    std::vector<DestinationAbilities> abilities;
    for (const Destination& destination : destinations) {
      const bool old = destination.domain.starts_with("old.");
      abilities.push_back({.known = old, .smtp_utf8 = false, .max_size = 20 << 20});
    }
    std::move(done)(std::move(abilities));
  }
  std::atomic<int> calls{0};
  std::atomic<bool> away{false};
};

}  // namespace cleanmail::ingress
