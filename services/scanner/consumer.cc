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

// What is to be told of a scanned message; findings are moved.
void Tell(const ConsumerParts& parts, mail::v1::Message& message, mail::v1::ScanResult& scan,
          int32_t generation, std::unique_ptr<bus::Inbound> inbound) {
  v1::MailScanned scanned;
  scanned.set_message_id(message.id());
  scanned.set_generation(generation);
  scanned.set_score(scan.score());
  scanned.set_scanned_at_us(base::NowMicros(parts.clock));
  *scanned.mutable_findings() = std::move(*scan.mutable_findings());
  *scanned.mutable_facts() = std::move(*scan.mutable_facts());
  *scanned.mutable_message() = std::move(message);
  Log(parts.mail_log, scanned);
  std::string trace = inbound->trace();
  bus::PublishEvent(
      parts.bus, scanned, std::move(trace),
      [inbound = std::move(inbound)](absl::Status status) { inbound->Finish(std::move(status)); });
}

// Of clients the door asked about; not of trusted relays, private addresses or senders of ours.
void NoteClient(const ConsumerParts& parts, const mail::v1::Message& message,
                const mail::v1::ScanResult& scan) {
  if (parts.reputations == nullptr || !message.has_door()) return;
  const absl::StatusOr<net::IpAddress> client =
      net::IpAddress::Parse(message.session().client_address());
  if (client.ok()) parts.reputations->Note(*client, reputation::EventOf(scan));
}

void ScanOne(const ConsumerParts& parts, mail::v1::Message& message, int32_t generation,
             std::unique_ptr<bus::Inbound> inbound) {
  absl::StatusOr<ScanResult> result = parts.scan.Run(message);
  if (!result.ok()) {
    inbound->Finish(result.status());
    return;
  }
  mail::v1::ScanResult scan = ToProto(*std::move(result));
  if (generation == 1) NoteClient(parts, message, scan);
  Tell(parts, message, scan, generation, std::move(inbound));
}

}  // namespace

void OnReceived(const ConsumerParts& parts,
                std::vector<bus::Received<ingress::v1::MailReceived>> batch) {
  for (bus::Received<ingress::v1::MailReceived>& received : batch) {
    mail::v1::Message& message = *received.event.mutable_message();
    if (received.event.has_scan()) {  // while its sender waited
      NoteClient(parts, message, received.event.scan());
      Tell(parts, message, *received.event.mutable_scan(), 1, std::move(received.inbound));
    } else {
      ScanOne(parts, message, 1, std::move(received.inbound));
    }
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
