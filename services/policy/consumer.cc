#include "services/policy/consumer.h"

#include "proto/cleanmail/policy/v1/events.pb.h"

namespace cleanmail::policy {
namespace {

// Takes it down for explanations and dry runs.
void Note(const ConsumerParts& parts, const scanner::v1::MailScanned& scanned,
          const v1::MailDisposed& disposed) {
  v1::Judged judged;
  *judged.mutable_message() = disposed.message();
  judged.set_generation(disposed.generation());
  *judged.mutable_findings() = disposed.findings();
  judged.set_score(disposed.score());
  *judged.mutable_facts() = history::Shortened(scanned.facts());
  *judged.mutable_groups() = disposed.groups();
  judged.set_judged_at_us(disposed.disposed_at_us());
  parts.memory.Note(judged);
}

// What was found out about the sender stands in the mail, whoever gets it.
void AddResults(const scanner::v1::MailScanned& scanned, v1::MailDisposed& disposed) {
  if (scanned.facts().authentication_results().empty() ||
      disposed.message().direction() != mail::v1::DIRECTION_INBOUND)
    return;
  for (mail::v1::RecipientGroup& group : *disposed.mutable_groups())
    group.add_actions()->set_authentication_results(scanned.facts().authentication_results());
}

absl::StatusOr<v1::MailDisposed> Decide(const ConsumerParts& parts,
                                        scanner::v1::MailScanned& scanned) {
  auto groups = parts.evaluation.Dispose({.message = scanned.message(),
                                          .findings = scanned.findings(),
                                          .facts = scanned.facts(),
                                          .score = scanned.score()});
  if (!groups.ok()) return groups.status();
  v1::MailDisposed disposed;
  disposed.set_message_id(scanned.message_id());
  disposed.set_generation(scanned.generation());
  disposed.set_score(scanned.score());
  disposed.set_disposed_at_us(base::NowMicros(parts.clock));
  *disposed.mutable_message() = std::move(*scanned.mutable_message());
  *disposed.mutable_findings() = std::move(*scanned.mutable_findings());
  for (mail::v1::RecipientGroup& group : *groups) {
    parts.metrics.Decided(group.disposition());
    *disposed.add_groups() = std::move(group);
  }
  Note(parts, scanned, disposed);
  AddResults(scanned, disposed);
  return disposed;
}

}  // namespace

void OnScanned(const ConsumerParts& parts,
               std::vector<bus::Received<scanner::v1::MailScanned>> batch) {
  for (bus::Received<scanner::v1::MailScanned>& received : batch) {
    const absl::StatusOr<v1::MailDisposed> disposed = Decide(parts, received.event);
    if (!disposed.ok()) {
      received.inbound->Finish(disposed.status());
      continue;
    }
    std::string trace = received.inbound->trace();
    bus::PublishEvent(parts.bus, *disposed, std::move(trace),
                      [inbound = std::move(received.inbound)](absl::Status status) mutable {
                        inbound->Finish(std::move(status));
                      });
  }
}

}  // namespace cleanmail::policy
