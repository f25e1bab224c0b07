#include "services/scanner/consumer.h"

#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/scanner/category/category.h"

namespace cleanmail::scanner {
namespace {

// What a message is, for postmasters.
void Log(telemetry::Log& mail_log, const v1::MailScanned& scanned) {
  const mail::v1::Message& message = scanned.message();
  std::string findings;
  for (const mail::v1::Finding& finding : scanned.findings())
    findings += base::Cat(findings.empty() ? "" : " ", finding.name());
  const std::string score = absl::StrFormat("%.1f", scanned.score());
  mail_log.Info(
      "scan",
      {{"message", message.id()},
       {"tenant", message.tenant()},
       {"direction", message.direction() == mail::v1::DIRECTION_OUTBOUND ? "outbound" : "inbound"},
       {"sender", message.envelope().sender()},
       {"generation", scanned.generation()},
       {"category", CategoryWord(scanned.facts().category())},
       {"why", scanned.facts().category_reason()},
       {"score", score},
       {"findings", findings}});
}

void ScanOne(const ConsumerParts& parts, mail::v1::Message& message, int32_t generation,
             std::unique_ptr<bus::Inbound> inbound) {
  absl::StatusOr<ScanResult> result = parts.scan.Run(message);
  if (!result.ok()) {
    inbound->Finish(result.status());
    return;
  }
  v1::MailScanned scanned;
  scanned.set_message_id(message.id());
  scanned.set_generation(generation);
  scanned.set_score(result->score);
  scanned.set_scanned_at_us(base::NowMicros(parts.clock));
  for (mail::v1::Finding& finding : result->findings) *scanned.add_findings() = std::move(finding);
  *scanned.mutable_facts() = std::move(result->facts);
  *scanned.mutable_message() = std::move(message);
  Log(parts.mail_log, scanned);
  std::string trace = inbound->trace();
  bus::PublishEvent(
      parts.bus, scanned, std::move(trace),
      [inbound = std::move(inbound)](absl::Status status) { inbound->Finish(std::move(status)); });
}

}  // namespace

void OnReceived(const ConsumerParts& parts,
                std::vector<bus::Received<ingress::v1::MailReceived>> batch) {
  for (bus::Received<ingress::v1::MailReceived>& received : batch) {
    ScanOne(parts, *received.event.mutable_message(), 1, std::move(received.inbound));
  }
}

void OnRescanRequested(const ConsumerParts& parts,
                       std::vector<bus::Received<quarantine::v1::RescanRequested>> batch) {
  for (bus::Received<quarantine::v1::RescanRequested>& received : batch) {
    ScanOne(parts, *received.event.mutable_message(), received.event.generation(),
            std::move(received.inbound));
  }
}

}  // namespace cleanmail::scanner
