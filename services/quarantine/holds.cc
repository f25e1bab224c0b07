#include "services/quarantine/holds.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/base/uuid.h"
#include "libs/bus/events.h"
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

absl::StatusOr<HoldRow> Require(absl::StatusOr<std::optional<HoldRow>> found,
                                const HoldName& name) {
  CLEANMAIL_RETURN_IF_ERROR(found.status());
  if (!found->has_value())
    return absl::NotFoundError(
        base::Cat("no hold of message ", base::Printable(name.message, 100)));
  return **std::move(found);
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

absl::Status Holds::Hold(std::vector<HoldRow> holds) {
  if (holds.empty()) return absl::OkStatus();
  const absl::Time now = clock_.Now();
  for (HoldRow& hold : holds) {
    hold.held_at_us = absl::ToUnixMicros(now);
    hold.expires_at_us = absl::ToUnixMicros(now + times_.life);
    // Only what no engine could look at is worth another look without being asked.
    if (hold.kind == mail::v1::HOLD_KIND_COULD_NOT_SCAN)
      hold.rescan_at_us = absl::ToUnixMicros(now + times_.rescan_interval);
    // Before the row: a hold without its body would be worse than a body kept too long.
    CLEANMAIL_RETURN_IF_ERROR(
        blobs_.Extend({.tenant = hold.message.tenant(), .message = hold.message.id()}, kHolder,
                      now + times_.life));
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
  v1::MailReleased released;
  for (const std::string& address : recipients) {
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t moved,
                               Store::Move(session, hold.message.id(), address, v1::HOLD_STATE_HELD,
                                           v1::HOLD_STATE_RELEASED, ""));
    if (moved > 0) released.add_recipients(address);
  }
  if (released.recipients().empty()) return absl::OkStatus();  // released before: nothing changes
  released.set_message_id(hold.message.id());
  *released.mutable_message() = hold.message;
  released.set_release_id(base::NewUuid(clock_, random_));
  released.set_released_by(std::string(by));
  released.set_released_at_us(base::NowMicros(clock_));
  metrics_.releases.Add();
  return outbox_.Add(session, bus::ToRecord(released));
}

absl::Status Holds::ApplyRescans(std::span<const Rescan> rescans) {
  if (rescans.empty()) return absl::OkStatus();
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    for (const Rescan& rescan : rescans) {
      CLEANMAIL_ASSIGN_OR_RETURN(std::optional<HoldRow> hold,
                                 Store::Find(session, "", rescan.message.id()));
      if (!hold.has_value()) continue;  // ended meanwhile
      for (const mail::v1::RecipientGroup& group : rescan.groups) {
        const std::vector<std::string> recipients(group.recipients().begin(),
                                                  group.recipients().end());
        if (group.disposition() == mail::v1::DISPOSITION_KIND_DELIVER) {
          CLEANMAIL_RETURN_IF_ERROR(ReleaseIn(session, *hold, recipients, "rescan"));
        } else {
          hold->kind = group.hold_kind();
          hold->rule = group.rule();
          hold->reason = group.reason();
          hold->score = rescan.score;
          hold->findings = rescan.findings;
          hold->rescan_at_us = group.hold_kind() == mail::v1::HOLD_KIND_COULD_NOT_SCAN
                                   ? absl::ToUnixMicros(clock_.Now() + times_.rescan_interval)
                                   : 0;
          CLEANMAIL_RETURN_IF_ERROR(Store::Rescanned(session, *hold));
        }
      }
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

absl::StatusOr<HoldRow> Holds::Release(const HoldName& name, std::vector<std::string> recipients,
                                       std::string_view by) {
  HoldRow hold;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(hold,
                               Require(Store::Find(session, name.tenant, name.message), name));
    CLEANMAIL_RETURN_IF_ERROR(CheckReleasable(hold, recipients));
    const std::vector<std::string> wanted = recipients.empty() ? StillHeld(hold) : recipients;
    const bool has_ended = std::ranges::all_of(hold.recipients, [](const HeldRecipient& r) {
      return r.state == v1::HOLD_STATE_DELETED || r.state == v1::HOLD_STATE_EXPIRED;
    });
    if (has_ended)
      return absl::FailedPreconditionError("the hold has ended; the message cannot be released");
    CLEANMAIL_RETURN_IF_ERROR(ReleaseIn(session, hold, wanted, by));
    CLEANMAIL_ASSIGN_OR_RETURN(hold,
                               Require(Store::Find(session, name.tenant, name.message), name));
    return absl::OkStatus();
  }));
  outbox_.Nudge();
  return hold;
}

absl::StatusOr<HoldRow> Holds::Delete(const HoldName& name, std::string_view by) {
  HoldRow hold;
  CLEANMAIL_RETURN_IF_ERROR(store_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(hold,
                               Require(Store::Find(session, name.tenant, name.message), name));
    for (const std::string& address : StillHeld(hold)) {
      CLEANMAIL_RETURN_IF_ERROR(Store::Move(session, name.message, address, v1::HOLD_STATE_HELD,
                                            v1::HOLD_STATE_DELETED, base::Cat("deleted by ", by))
                                    .status());
    }
    CLEANMAIL_ASSIGN_OR_RETURN(hold,
                               Require(Store::Find(session, name.tenant, name.message), name));
    return absl::OkStatus();
  }));
  return hold;
}

absl::StatusOr<HoldRow> Holds::Get(const HoldName& name) {
  HoldRow hold;
  CLEANMAIL_RETURN_IF_ERROR(store_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(hold,
                               Require(Store::Find(session, name.tenant, name.message), name));
    return absl::OkStatus();
  }));
  return hold;
}

absl::StatusOr<std::vector<HoldRow>> Holds::List(std::string_view tenant, bool only_held,
                                                 std::string_view after, int32_t limit) {
  std::vector<HoldRow> holds;
  CLEANMAIL_RETURN_IF_ERROR(store_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(holds, Store::List(session, tenant, only_held, after, limit));
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
      for (const std::string& address : StillHeld(*hold)) {
        CLEANMAIL_ASSIGN_OR_RETURN(const int64_t moved,
                                   Store::Move(session, message, address, v1::HOLD_STATE_HELD,
                                               v1::HOLD_STATE_EXPIRED, ""));
        expired += moved;
      }
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t held, Store::CountHeld(session));
    metrics_.held_recipients.Set(held);
    return absl::OkStatus();
  }));
  metrics_.expired.Add(expired);
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
          session, message, generation, absl::ToUnixMicros(clock_.Now() + times_.rescan_interval)));
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
