#include "services/scanner/consumer.h"

#include "proto/cleanmail/scanner/v1/events.pb.h"

namespace cleanmail::scanner {
namespace {

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
