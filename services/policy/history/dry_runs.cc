#include "services/policy/history/dry_runs.h"

#include <deque>
#include <map>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/base/uuid.h"
#include "services/policy/history/memory.h"

namespace cleanmail::policy::history {
namespace {

using Progress = api::v1::Progress;

constexpr int kDefaultDays = 7;
constexpr int kMostDays = 365;
constexpr int64_t kMostUnfinished = 5;
constexpr int64_t kPage = 500;
constexpr size_t kMostExamples = 1000;
constexpr absl::Duration kLease = absl::Minutes(2);

void Fill(google::protobuf::Timestamp& time, int64_t micros) {
  time.set_seconds(micros / 1'000'000);
  time.set_nanos(static_cast<int32_t>(micros % 1'000'000 * 1000));
}

// The group of each recipient.
std::map<std::string_view, const mail::v1::RecipientGroup*> ByRecipient(
    const std::vector<mail::v1::RecipientGroup>& groups) {
  std::map<std::string_view, const mail::v1::RecipientGroup*> fates;
  for (const mail::v1::RecipientGroup& group : groups) {
    for (const std::string& recipient : group.recipients()) fates.emplace(recipient, &group);
  }
  return fates;
}

// What has been seen so far.
struct Tally {
  std::map<std::pair<std::string, std::string>, int64_t> counts;
  std::deque<v1::DryRun::Example> examples;  // the newest at the end
  int64_t messages = 0;
  int64_t different = 0;

  void Add(const v1::Judged& judged, const std::vector<mail::v1::RecipientGroup>& before,
           const std::vector<mail::v1::RecipientGroup>& after);
  void Put(v1::DryRun& dry_run) const;
};

void Tally::Add(const v1::Judged& judged, const std::vector<mail::v1::RecipientGroup>& before,
                const std::vector<mail::v1::RecipientGroup>& after) {
  ++messages;
  const auto fates = ByRecipient(after);
  bool differs = false;
  for (const auto& [recipient, old] : ByRecipient(before)) {
    const mail::v1::RecipientGroup& fresh = *fates.at(recipient);
    const std::string was = FateOf(*old);
    const std::string would_be = FateOf(fresh);
    if (was == would_be) continue;
    ++counts[{was, would_be}];
    differs = true;
    v1::DryRun::Example& example = examples.emplace_back();
    const mail::v1::Message& message = judged.message();
    example.set_message(base::Cat("tenants/", message.tenant(), "/messages/", message.id()));
    example.set_sender(message.envelope().sender());
    example.set_recipient(std::string(recipient));
    example.set_subject(message.subject());
    example.set_before(was);
    example.set_after(would_be);
    example.set_rule(fresh.has_would_be() ? fresh.would_be().rule() : fresh.rule());
    Fill(*example.mutable_accept_time(), message.accepted_at_us());
    if (examples.size() > kMostExamples) examples.pop_front();
  }
  different += differs ? 1 : 0;
}

void Tally::Put(v1::DryRun& dry_run) const {
  dry_run.set_messages(messages);
  dry_run.set_different(different);
  dry_run.clear_counts();
  for (const auto& [fates, recipients] : counts) {
    v1::DryRun::Count& count = *dry_run.add_counts();
    count.set_before(fates.first);
    count.set_after(fates.second);
    count.set_recipients(recipients);
  }
  dry_run.clear_examples();
  for (auto example = examples.rbegin(); example != examples.rend(); ++example)
    *dry_run.add_examples() = *example;
}

}  // namespace

std::string FateOf(const mail::v1::RecipientGroup& group) {
  const bool watched = group.has_would_be();
  const auto disposition = watched ? group.would_be().disposition() : group.disposition();
  const auto kind = watched ? group.would_be().hold_kind() : group.hold_kind();
  std::string fate;
  switch (disposition) {
    case mail::v1::DISPOSITION_KIND_DELIVER:
      fate = "deliver";
      break;
    case mail::v1::DISPOSITION_KIND_DISCARD:
      fate = "discard";
      break;
    case mail::v1::DISPOSITION_KIND_REDIRECT:
      fate = "redirect";
      for (const std::string& address : group.redirect_to()) fate += base::Cat(" ", address);
      break;
    default: {
      fate = "hold ";
      constexpr std::string_view kPrefix = "HOLD_KIND_";
      for (const char c : mail::v1::HoldKind_Name(kind).substr(kPrefix.size()))
        fate += c == '_' ? ' ' : static_cast<char>(c | 0x20);
      if (!group.quarantine().empty()) fate += base::Cat(" in ", group.quarantine());
    }
  }
  if (!group.actions().empty()) fate += " with changes";
  return fate;
}

absl::StatusOr<v1::DryRun> DryRuns::Start(std::string_view tenant, const v1::Policy& policy,
                                          int32_t days, std::string_view author) {
  if (days < 0 || days > kMostDays)
    return absl::InvalidArgumentError(base::Cat("days: 1 to ", kMostDays, " is needed"));
  DryRunRow row;
  row.policy = policy;
  if (row.policy.hold_score() == 0) row.policy.set_hold_score(5.0);
  CLEANMAIL_RETURN_IF_ERROR(RuleSet::Compile(row.policy).status());
  const int64_t now = base::NowMicros(clock_);
  row.dry_run.set_name(base::Cat("tenants/", tenant, "/dryRuns/", base::NewUuid(clock_, random_)));
  row.dry_run.set_policy(policy.name());
  row.dry_run.set_days(days == 0 ? kDefaultDays : days);
  row.dry_run.mutable_progress()->set_state(Progress::STATE_WAITING);
  row.dry_run.set_author(std::string(author));
  Fill(*row.dry_run.mutable_create_time(), now);
  CLEANMAIL_RETURN_IF_ERROR(store_.InsertDryRun(tenant, row, now, kMostUnfinished));
  return row.dry_run;
}

absl::Status DryRuns::Run(DryRunRow& row) {
  v1::DryRun& dry_run = row.dry_run;
  const std::string_view name = dry_run.name();
  const std::string_view rest = name.substr(name.find('/') + 1);
  const std::string tenant(rest.substr(0, rest.find('/')));
  CLEANMAIL_ASSIGN_OR_RETURN(const std::shared_ptr<const RuleSet> changed,
                             RuleSet::Compile(row.policy));
  const Replacement instead = {.rules = changed};
  std::string message = FirstIdAt(clock_.Now() - absl::Hours(24 * dry_run.days()));
  int64_t generation = 0;
  Progress& progress = *dry_run.mutable_progress();
  progress.set_state(Progress::STATE_RUNNING);
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t total, store_.CountJudged(tenant, message));
  progress.set_total(total);
  Tally tally;
  int64_t seen = 0;
  while (true) {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<JudgedRow> page,
                               store_.ListJudged(tenant, message, generation, kPage));
    if (page.empty()) break;
    for (const JudgedRow& packed : page) {
      CLEANMAIL_ASSIGN_OR_RETURN(const v1::Judged judged, UnpackJudged(packed.body));
      const Case scanned = {.message = judged.message(),
                            .findings = judged.findings(),
                            .facts = judged.facts(),
                            .score = judged.score()};
      // Both by replay, so that only this change makes a difference, not what was changed since.
      tally.Add(judged, evaluation_.Judge(scanned, nullptr).groups,
                evaluation_.Judge(scanned, &instead).groups);
    }
    message = page.back().message;
    generation = page.back().generation;
    seen += static_cast<int64_t>(page.size());
    progress.set_done(seen);
    if (seen % (kPage * 10) == 0)
      CLEANMAIL_RETURN_IF_ERROR(
          store_.KeepDryRun(dry_run, false, absl::ToUnixMicros(clock_.Now() + kLease)));
  }
  tally.Put(dry_run);
  progress.set_total(seen);
  progress.set_state(Progress::STATE_SUCCEEDED);
  return absl::OkStatus();
}

absl::Status DryRuns::RunWaiting() {
  if (!evaluation_.ready()) return absl::OkStatus();
  while (true) {
    const absl::Time now = clock_.Now();
    CLEANMAIL_ASSIGN_OR_RETURN(
        std::optional<DryRunRow> row,
        store_.ClaimDryRun(absl::ToUnixMicros(now), absl::ToUnixMicros(now + kLease)));
    if (!row.has_value()) return absl::OkStatus();
    const absl::Status status = Run(*row);
    if (!status.ok()) {
      row->dry_run.mutable_progress()->set_state(Progress::STATE_FAILED);
      row->dry_run.mutable_progress()->set_error(
          base::Printable(base::View(status.message()), 300));
    }
    CLEANMAIL_RETURN_IF_ERROR(store_.KeepDryRun(row->dry_run, true, 0));
  }
}

}  // namespace cleanmail::policy::history
