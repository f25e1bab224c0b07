#include "services/quarantine/holds.h"

#include <algorithm>
#include <map>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/base/uuid.h"
#include "libs/bus/events.h"
#include "libs/rpc/answer.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"

namespace cleanmail::quarantine {
namespace {

constexpr std::string_view kHolder = "quarantine";
constexpr int64_t kBatch = 500;  // holds a timer handles in one transaction
constexpr size_t kLongestDetail = 1000;

std::vector<std::string> StillHeld(const HoldRow& hold) {
  std::vector<std::string> addresses;
  for (const HeldRecipient& recipient : hold.recipients) {
    if (recipient.state == v1::HOLD_STATE_HELD) addresses.push_back(recipient.address);
  }
  return addresses;
}

Scope ScopeOf(const HoldName& name) {
  return {.tenant = name.tenant, .visible = name.visible, .sees_unlisted = name.sees_unlisted};
}

absl::StatusOr<HoldRow> Require(sql::Session& session, const HoldName& name) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::optional<HoldRow> found,
                             Store::Find(session, ScopeOf(name), name.message));
  if (!found.has_value()) return authz::NoSuchResource();
  return *std::move(found);
}

bool IsRisky(mail::v1::HoldKind kind) {
  return kind == mail::v1::HOLD_KIND_VIRUS || kind == mail::v1::HOLD_KIND_COULD_NOT_SCAN;
}

bool IsMalware(const mail::v1::Finding& finding) {
  return finding.category() == mail::v1::FINDING_CATEGORY_MALWARE ||
         finding.category() == mail::v1::FINDING_CATEGORY_COULD_NOT_SCAN;
}

// Malware goes to nobody by a user's hand, and by an administrator's only when he says so.
absl::Status CheckRisk(const HoldRow& hold, const std::vector<std::string>& wanted,
                       const ReleaseOptions& options) {
  for (const HeldRecipient& recipient : hold.recipients) {
    if (!IsRisky(recipient.kind) || recipient.state != v1::HOLD_STATE_HELD ||
        std::ranges::find(wanted, recipient.address) == wanted.end())
      continue;
    if (options.is_user)
      return rpc::WithReason(
          absl::PermissionDeniedError("only an administrator may release this message"),
          "NOT_FOR_USERS");
    if (!options.accept_risk && !options.rescan)
      return rpc::WithReason(absl::FailedPreconditionError(
                                 "it holds malware, or could not be scanned: set accept_risk "
                                 "to release it all the same"),
                             "RISK_NOT_ACCEPTED");
  }
  return absl::OkStatus();
}

std::string ActionsKey(const HeldRecipient& recipient) {
  std::string key;
  for (const mail::v1::Action& action : recipient.actions)
    key += base::Cat(action.ByteSizeLong(), ":", action.SerializeAsString());
  return key;
}

// InvalidArgument for a recipient the hold does not have; FailedPrecondition for one whose hold has
// ended.
absl::Status CheckReleasable(const HoldRow& hold, const std::vector<std::string>& recipients) {
  for (const std::string& address : recipients) {
    const auto recipient = std::ranges::find(hold.recipients, address, &HeldRecipient::address);
    if (recipient == hold.recipients.end()) {
      return absl::InvalidArgumentError(base::Cat("recipients: ", base::Printable(address, 320),
                                                  " is not a recipient of this hold"));
    }
    if (recipient->state == v1::HOLD_STATE_DELETED || recipient->state == v1::HOLD_STATE_EXPIRED) {
      return absl::FailedPreconditionError(base::Cat("the hold for ", base::Printable(address, 320),
                                                     " has ended; the message cannot be released"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

HistoryRow Holds::Done(std::string_view what, std::string_view by, std::string_view recipient) {
  return {.at_us = base::NowMicros(clock_),
          .actor = std::string(by),
          .what = std::string(what),
          .recipient = std::string(recipient)};
}

absl::Status Holds::Hold(std::vector<HoldRow> holds) {
  if (holds.empty()) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  for (HoldRow& hold : holds) {
    CLEANMAIL_ASSIGN_OR_RETURN(const absl::Duration life,
                               settings_.LifeOf(hold.message.tenant(), hold.kind));
    hold.held_at_us = absl::ToUnixMicros(now);
    hold.expires_at_us = absl::ToUnixMicros(now + life);
    // Only what no engine could look at is worth another look without being asked.
    if (hold.kind == mail::v1::HOLD_KIND_COULD_NOT_SCAN)
      hold.rescan_at_us = absl::ToUnixMicros(now + rescan_interval_);
    // Before the row: a hold without its body would be worse than a body kept too long.
    CLEANMAIL_RETURN_IF_ERROR(blobs_.Extend(
        {.tenant = hold.message.tenant(), .message = hold.message.id()}, kHolder, now + life));
  }
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    for (const HoldRow& hold : holds) CLEANMAIL_RETURN_IF_ERROR(Store::Insert(session, hold));
    return absl::OkStatus();
  }));
  metrics_.holds.Add(static_cast<int64_t>(holds.size()));
  return absl::OkStatus();
}

absl::Status Holds::ReleaseIn(sql::Session& session, const HoldRow& hold,
                              const std::vector<std::string>& recipients, std::string_view by) {
  // Recipients with the same actions from whom it was held for the same reason go together.
  std::map<std::pair<std::string, mail::v1::HoldKind>, v1::MailReleased> releases;
  for (const HeldRecipient& recipient : hold.recipients) {
    if (std::ranges::find(recipients, recipient.address) == recipients.end()) continue;
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t moved,
                               Store::Move(session, hold.message.id(), recipient.address,
                                           v1::HOLD_STATE_HELD, v1::HOLD_STATE_RELEASED, ""));
    if (moved == 0) continue;  // released before: nothing changes
    v1::MailReleased& released = releases[{ActionsKey(recipient), recipient.kind}];
    released.add_recipients(recipient.address);
    released.set_held_as(recipient.kind);
    released.mutable_actions()->Assign(recipient.actions.begin(), recipient.actions.end());
    CLEANMAIL_RETURN_IF_ERROR(
        Store::AddHistory(session, hold.message.id(), Done("released", by, recipient.address)));
    if (!recipient.rescan_by.empty())
      CLEANMAIL_RETURN_IF_ERROR(
          Store::SetRescanBy(session, hold.message.id(), recipient.address, ""));
  }
  for (auto& [key, released] : releases) {
    released.set_message_id(hold.message.id());
    *released.mutable_message() = hold.message;
    released.set_release_id(base::NewUuid(clock_, random_));
    released.set_released_by(std::string(by));
    released.set_released_at_us(base::NowMicros(clock_));
    metrics_.releases.Add();
    CLEANMAIL_RETURN_IF_ERROR(outbox_.Add(session, bus::ToRecord(released)));
  }
  return absl::OkStatus();
}

absl::Status Holds::ApplyRescan(sql::Session& session, const Rescan& rescan, HoldRow& hold) {
  const bool is_clean = std::ranges::none_of(rescan.findings, IsMalware);
  const bool is_newest = rescan.generation >= hold.generation;
  for (const mail::v1::RecipientGroup& group : rescan.groups) {
    const bool is_held = group.disposition() == mail::v1::DISPOSITION_KIND_HOLD;
    for (const std::string& address : group.recipients()) {
      const auto recipient = std::ranges::find(hold.recipients, address, &HeldRecipient::address);
      if (recipient == hold.recipients.end() || recipient->state != v1::HOLD_STATE_HELD) continue;
      const bool is_wanted = !recipient->rescan_by.empty() && is_newest;
      if (is_wanted && is_clean) {
        const std::string by = recipient->rescan_by;
        CLEANMAIL_RETURN_IF_ERROR(ReleaseIn(session, hold, {address}, by));
        continue;
      }
      if (is_wanted) {
        CLEANMAIL_RETURN_IF_ERROR(Store::SetRescanBy(session, hold.message.id(), address, ""));
        CLEANMAIL_RETURN_IF_ERROR(
            Store::AddHistory(session, hold.message.id(), Done("kept", "gateway", address)));
      }
      if (!is_held) continue;
      recipient->kind = group.hold_kind();
      recipient->rule = group.rule();
      recipient->reason = group.reason();
      CLEANMAIL_RETURN_IF_ERROR(Store::Renew(session, hold.message.id(), *recipient));
    }
    if (!is_held) {
      // Nobody asked for these: the gateway itself looked again at what it could not scan.
      std::vector<std::string> freed;
      for (const HeldRecipient& recipient : hold.recipients) {
        if (recipient.kind == mail::v1::HOLD_KIND_COULD_NOT_SCAN &&
            std::ranges::find(group.recipients(), recipient.address) != group.recipients().end())
          freed.push_back(recipient.address);
      }
      CLEANMAIL_RETURN_IF_ERROR(ReleaseIn(session, hold, freed, "rescan"));
      continue;
    }
    hold.kind = group.hold_kind();
    hold.rule = group.rule();
    hold.reason = group.reason();
    hold.score = rescan.score;
    hold.findings = rescan.findings;
    hold.rescan_at_us = group.hold_kind() == mail::v1::HOLD_KIND_COULD_NOT_SCAN
                            ? absl::ToUnixMicros(clock_.Now() + rescan_interval_)
                            : 0;
    CLEANMAIL_RETURN_IF_ERROR(Store::Rescanned(session, hold));
  }
  return absl::OkStatus();
}

absl::Status Holds::ApplyRescans(std::span<const Rescan> rescans) {
  if (rescans.empty()) return absl::OkStatus();
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    for (const Rescan& rescan : rescans) {
      CLEANMAIL_ASSIGN_OR_RETURN(std::optional<HoldRow> hold,
                                 Store::Find(session, "", rescan.message.id()));
      if (!hold.has_value()) continue;  // ended meanwhile
      CLEANMAIL_RETURN_IF_ERROR(ApplyRescan(session, rescan, *hold));
    }
    return absl::OkStatus();
  }));
  outbox_.Nudge();
  return absl::OkStatus();
}

absl::Status Holds::ApplyDeliveries(std::span<const DeliveryNews> news) {
  if (news.empty()) return absl::OkStatus();
  return store_.Transact([&](sql::Session& session) -> absl::Status {
    for (const DeliveryNews& item : news) {
      CLEANMAIL_RETURN_IF_ERROR(
          Store::Move(session, item.message, item.address, v1::HOLD_STATE_RELEASED,
                      item.delivered ? v1::HOLD_STATE_DELIVERED : v1::HOLD_STATE_FAILED,
                      base::Printable(item.reply, kLongestDetail))
              .status());
    }
    return absl::OkStatus();
  });
}

absl::Status Holds::AskRescan(sql::Session& session, const HoldRow& hold,
                              const std::vector<std::string>& recipients, std::string_view by) {
  bool is_asked = false;
  for (const HeldRecipient& recipient : hold.recipients) {
    if (recipient.state != v1::HOLD_STATE_HELD ||
        std::ranges::find(recipients, recipient.address) == recipients.end())
      continue;
    is_asked = true;
    CLEANMAIL_RETURN_IF_ERROR(
        Store::SetRescanBy(session, hold.message.id(), recipient.address, by));
    CLEANMAIL_RETURN_IF_ERROR(
        Store::AddHistory(session, hold.message.id(), Done("rescan", by, recipient.address)));
  }
  if (!is_asked) return absl::OkStatus();
  const int32_t generation = hold.generation + 1;
  CLEANMAIL_RETURN_IF_ERROR(
      Store::SetRescan(session, hold.message.id(), generation, hold.rescan_at_us));
  v1::RescanRequested request;
  request.set_message_id(hold.message.id());
  *request.mutable_message() = hold.message;
  request.set_generation(generation);
  metrics_.rescans.Add();
  return outbox_.Add(session, bus::ToRecord(request));
}

absl::Status Holds::CheckRelease(const HoldRow& hold, const ReleaseOptions& options) {
  CLEANMAIL_RETURN_IF_ERROR(CheckReleasable(hold, options.recipients));
  const bool has_ended = std::ranges::all_of(hold.recipients, [](const HeldRecipient& r) {
    return r.state == v1::HOLD_STATE_DELETED || r.state == v1::HOLD_STATE_EXPIRED;
  });
  if (has_ended)
    return absl::FailedPreconditionError("the hold has ended; the message cannot be released");
  return CheckRisk(hold, options.recipients.empty() ? StillHeld(hold) : options.recipients,
                   options);
}

absl::Status Holds::ReleaseOne(sql::Session& session, const HoldName& name,
                               const ReleaseOptions& options) {
  CLEANMAIL_ASSIGN_OR_RETURN(const HoldRow hold, Require(session, name));
  CLEANMAIL_RETURN_IF_ERROR(CheckRelease(hold, options));
  const std::vector<std::string> wanted =
      options.recipients.empty() ? StillHeld(hold) : options.recipients;
  return options.rescan ? AskRescan(session, hold, wanted, options.by)
                        : ReleaseIn(session, hold, wanted, options.by);
}

absl::StatusOr<HoldRow> Holds::Release(const HoldName& name, const ReleaseOptions& options) {
  HoldRow hold;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(ReleaseOne(session, name, options));
    CLEANMAIL_ASSIGN_OR_RETURN(hold, Require(session, name));
    return absl::OkStatus();
  }));
  outbox_.Nudge();
  return hold;
}

absl::StatusOr<std::vector<absl::Status>> Holds::ReleaseEach(
    const std::vector<std::pair<HoldName, ReleaseOptions>>& items) {
  std::vector<absl::Status> statuses;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    statuses.clear();
    for (const auto& [name, options] : items) {
      absl::Status status = ReleaseOne(session, name, options);
      // Refusals come before anything is written; what the store says ends the whole.
      if (!status.ok() && !absl::IsNotFound(status) && !absl::IsFailedPrecondition(status) &&
          !absl::IsPermissionDenied(status) && !absl::IsInvalidArgument(status))
        return status;
      statuses.push_back(std::move(status));
    }
    return absl::OkStatus();
  }));
  outbox_.Nudge();
  return statuses;
}

absl::Status Holds::TellEnd(sql::Session& session, const HoldRow& hold,
                            std::vector<std::string> recipients, v1::HoldEnd end,
                            std::string_view by) {
  if (recipients.empty()) return absl::OkStatus();
  v1::HoldEnded ended;
  ended.set_message_id(hold.message.id());
  ended.set_tenant(hold.message.tenant());
  ended.mutable_recipients()->Assign(recipients.begin(), recipients.end());
  ended.set_end(end);
  ended.set_ended_by(std::string(by));
  ended.set_ended_at_us(base::NowMicros(clock_));
  return outbox_.Add(session, bus::ToRecord(ended));
}

absl::StatusOr<HoldRow> Holds::Delete(const HoldName& name,
                                      const std::vector<std::string>& recipients,
                                      std::string_view by) {
  HoldRow hold;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(hold, Require(session, name));
    std::vector<std::string> ended;
    for (const std::string& address : StillHeld(hold)) {
      if (!recipients.empty() && std::ranges::find(recipients, address) == recipients.end())
        continue;
      CLEANMAIL_RETURN_IF_ERROR(Store::Move(session, name.message, address, v1::HOLD_STATE_HELD,
                                            v1::HOLD_STATE_DELETED, base::Cat("deleted by ", by))
                                    .status());
      CLEANMAIL_RETURN_IF_ERROR(
          Store::AddHistory(session, name.message, Done("deleted", by, address)));
      ended.push_back(address);
    }
    CLEANMAIL_RETURN_IF_ERROR(TellEnd(session, hold, std::move(ended), v1::HOLD_END_DELETED, by));
    CLEANMAIL_ASSIGN_OR_RETURN(hold, Require(session, name));
    return absl::OkStatus();
  }));
  outbox_.Nudge();
  return hold;
}

absl::StatusOr<HoldRow> Holds::Get(const HoldName& name) { return See(name, "", nullptr); }

absl::StatusOr<HoldRow> Holds::See(const HoldName& name, std::string_view by,
                                   std::vector<HistoryRow>* history) {
  HoldRow hold;
  const auto read = [&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(hold, Require(session, name));
    if (history != nullptr) {
      CLEANMAIL_ASSIGN_OR_RETURN(*history, Store::History(session, name.message));
    }
    return absl::OkStatus();
  };
  CLEANMAIL_RETURN_IF_ERROR(store_.Read(read));
  if (by.empty() || hold.seen_at_us != 0) return hold;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const bool is_first,
                               Store::See(session, name.message, by, base::NowMicros(clock_)));
    if (is_first)
      CLEANMAIL_RETURN_IF_ERROR(Store::AddHistory(session, name.message, Done("seen", by)));
    return read(session);
  }));
  return hold;
}

absl::StatusOr<HoldRow> Holds::Annotate(const HoldName& name, std::optional<std::string> note,
                                        std::optional<std::string> assigned_to, int64_t version,
                                        std::string_view by) {
  HoldRow hold;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(hold, Require(session, name));
    if (version != 0 && version != hold.version)
      return rpc::WithReason(absl::AbortedError("somebody has changed it since; read it again"),
                             "ETAG_MISMATCH");
    if (note.has_value()) hold.note = *note;
    if (assigned_to.has_value()) hold.assigned_to = *assigned_to;
    ++hold.version;
    CLEANMAIL_RETURN_IF_ERROR(Store::Annotate(session, hold));
    return Store::AddHistory(session, name.message, Done("changed", by));
  }));
  return hold;
}

absl::StatusOr<std::vector<HoldRow>> Holds::List(const HoldQuery& query, std::string_view after,
                                                 int32_t limit) {
  std::vector<HoldRow> holds;
  CLEANMAIL_RETURN_IF_ERROR(store_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(holds, Store::List(session, query, after, limit));
    return absl::OkStatus();
  }));
  return holds;
}

absl::Status Holds::ExpireOverdue() {
  int64_t expired = 0;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    expired = 0;
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> overdue,
                               Store::Overdue(session, base::NowMicros(clock_), kBatch));
    for (const std::string& message : overdue) {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<HoldRow> hold,
                                 Store::Find(session, "", message));
      if (!hold.has_value()) continue;
      std::vector<std::string> ended = StillHeld(*hold);
      for (const std::string& address : ended) {
        CLEANMAIL_ASSIGN_OR_RETURN(const int64_t moved,
                                   Store::Move(session, message, address, v1::HOLD_STATE_HELD,
                                               v1::HOLD_STATE_EXPIRED, ""));
        expired += moved;
        CLEANMAIL_RETURN_IF_ERROR(
            Store::AddHistory(session, message, Done("expired", "gateway", address)));
      }
      CLEANMAIL_RETURN_IF_ERROR(
          TellEnd(session, *hold, std::move(ended), v1::HOLD_END_EXPIRED, ""));
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t held, Store::CountHeld(session));
    metrics_.held_recipients.Set(held);
    return absl::OkStatus();
  }));
  metrics_.expired.Add(expired);
  outbox_.Nudge();
  return absl::OkStatus();
}

absl::Status Holds::RequestRescans() {
  int64_t requested = 0;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    requested = 0;
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> due,
                               Store::RescanDue(session, base::NowMicros(clock_), kBatch));
    for (const std::string& message : due) {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<HoldRow> hold,
                                 Store::Find(session, "", message));
      if (!hold.has_value()) continue;
      const int32_t generation = hold->generation + 1;
      CLEANMAIL_RETURN_IF_ERROR(Store::SetRescan(
          session, message, generation, absl::ToUnixMicros(clock_.Now() + rescan_interval_)));
      v1::RescanRequested request;
      request.set_message_id(message);
      *request.mutable_message() = hold->message;
      request.set_generation(generation);
      CLEANMAIL_RETURN_IF_ERROR(outbox_.Add(session, bus::ToRecord(request)));
      ++requested;
    }
    return absl::OkStatus();
  }));
  metrics_.rescans.Add(requested);
  outbox_.Nudge();
  return absl::OkStatus();
}

}  // namespace cleanmail::quarantine
