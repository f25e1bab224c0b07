#include "services/quarantine/api.h"

#include <algorithm>
#include <set>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/forward.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"
#include "proto/cleanmail/policy/v1/policy.pb.h"

namespace cleanmail::quarantine {
namespace {

using authz::Permission;
using rpc::Caller;

constexpr size_t kLongestNote = 2000;
constexpr size_t kLongestAssignee = 320;
constexpr size_t kMostAllowed = 20;  // allow entries of one release
constexpr char kCreateListEntry[] = "/cleanmail.policy.v1.PolicyService/CreateListEntry";

bool IsUser(const Caller& caller) { return caller.role == rpc::Role::kUser; }

void SetTime(int64_t us, google::protobuf::Timestamp* time) {
  time->set_seconds(us / 1'000'000);
  time->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
}

// The tenant to look in; empty for "-".
std::string InTenant(const std::string& tenant) {
  return tenant == authz::kWholeInstallation ? "" : tenant;
}

void AddHistory(const std::vector<HistoryRow>& history, bool sees_all, v1::Hold& hold) {
  for (const HistoryRow& row : history) {
    const bool is_shown = sees_all || row.recipient.empty() ||
                          std::ranges::any_of(hold.recipients(), [&](const auto& recipient) {
                            return recipient.address() == row.recipient;
                          });
    if (!is_shown) continue;
    v1::HoldEvent& event = *hold.add_history();
    SetTime(row.at_us, event.mutable_time());
    event.set_actor(row.actor);
    event.set_what(row.what);
    event.set_recipient(row.recipient);
  }
}

// Whether an update sets a field: named, everything, or nothing named and set.
bool Sets(const v1::UpdateHoldRequest& request, std::string_view field, const std::string& value) {
  const auto& paths = request.update_mask().paths();
  if (paths.empty()) return !value.empty();
  return std::ranges::any_of(paths,
                             [&](const std::string& path) { return path == "*" || path == field; });
}

absl::Status CheckUpdate(const v1::UpdateHoldRequest& request) {
  const auto wrong = [](std::string_view field, std::string_view why) {
    return rpc::WithField(absl::InvalidArgumentError(base::Cat(field, ": ", why)), field);
  };
  for (const std::string& path : request.update_mask().paths()) {
    if (path != "*" && path != "note" && path != "assigned_to")
      return wrong("update_mask", "note and assigned_to can be changed");
  }
  if (request.hold().note().size() > kLongestNote) return wrong("hold.note", "too long");
  if (request.hold().assigned_to().size() > kLongestAssignee)
    return wrong("hold.assigned_to", "too long");
  return absl::OkStatus();
}

}  // namespace

v1::Hold ToProto(const HoldRow& row, bool is_user) {
  v1::Hold hold;
  hold.set_name(base::Cat("tenants/", row.message.tenant(), "/holds/", row.message.id()));
  hold.set_kind(row.recipients.empty() ? row.kind : row.recipients[0].kind);
  hold.set_rule(row.recipients.empty() ? row.rule : row.recipients[0].rule);
  hold.set_reason(row.recipients.empty() ? row.reason : row.recipients[0].reason);
  hold.set_sender(row.message.envelope().sender());
  hold.set_subject(row.message.subject());
  hold.set_score(row.score);
  hold.set_size(row.message.size());
  SetTime(row.held_at_us, hold.mutable_hold_time());
  SetTime(row.expires_at_us, hold.mutable_expire_time());
  for (const mail::v1::Finding& finding : row.findings) *hold.add_findings() = finding;
  for (const HeldRecipient& held : row.recipients) {
    v1::HeldRecipient* recipient = hold.add_recipients();
    recipient->set_address(held.address);
    recipient->set_state(held.state);
    recipient->set_detail(held.detail);
    recipient->set_kind(held.kind);
    recipient->set_rule(held.rule);
    recipient->set_reason(held.reason);
    recipient->set_policy(held.policy);
    recipient->set_policy_version(held.policy_version);
    recipient->set_policy_scope(held.policy_scope);
    recipient->set_quarantine(held.quarantine);
    recipient->set_rescanning(!held.rescan_by.empty());
  }
  hold.set_etag(std::to_string(row.version));
  if (is_user) return hold;
  hold.set_note(row.note);
  hold.set_assigned_to(row.assigned_to);
  hold.set_seen_by(row.seen_by);
  if (row.seen_at_us != 0) SetTime(row.seen_at_us, hold.mutable_seen_time());
  return hold;
}

absl::StatusOr<HoldName> Api::CheckHold(const Caller& caller, Permission permission,
                                        const std::string& name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*/holds/*", name));
  CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
      caller, permission, {.tenant = parts[0], .resource = name, .filtered = true}));
  return HoldName{.tenant = InTenant(parts[0]),
                  .message = parts[1],
                  .visible = parts_.authz.VisibleTo(caller),
                  .sees_unlisted = !IsUser(caller)};
}

grpc::Status Api::ListHolds(grpc::ServerContext* rpc, const v1::ListHoldsRequest* request,
                            v1::ListHoldsResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*", request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kReadHolds,
                           {.tenant = parts[0], .resource = request->parent(), .filtered = true}));
    HoldQuery query = {.scope = ScopeFor(parts_.authz, caller, InTenant(parts[0])),
                       .only_held = request->only_held()};
    auto filter = rpc::resource::ParseFilter(request->filter(), HoldSchema());
    if (!filter.ok()) return rpc::WithField(filter.status(), "filter");
    query.filter = *std::move(filter);
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string after,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t limit, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<HoldRow> rows,
                               parts_.holds.List(query, after, limit));
    for (const HoldRow& row : rows) *reply->add_holds() = ToProto(row, IsUser(caller));
    if (static_cast<int32_t>(rows.size()) == limit)
      reply->set_next_page_token(rpc::resource::ToPageToken(rows.back().message.id()));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetHold(grpc::ServerContext* rpc, const v1::GetHoldRequest* request,
                          v1::Hold* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldName name,
                               CheckHold(caller, Permission::kReadHolds, request->name()));
    std::vector<HistoryRow> history;
    const std::string by = caller.role == rpc::Role::kService ? std::string() : caller.id;
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldRow hold, parts_.holds.See(name, by, &history));
    *reply = ToProto(hold, IsUser(caller));
    AddHistory(history, name.visible.all_domains && name.visible.user.empty(), *reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::UpdateHold(grpc::ServerContext* rpc, const v1::UpdateHoldRequest* request,
                             v1::Hold* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    const v1::Hold& given = request->hold();
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldName name,
                               CheckHold(caller, Permission::kUpdateHold, given.name()));
    CLEANMAIL_RETURN_IF_ERROR(CheckUpdate(*request));
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldRow before, parts_.holds.Get(name));
    if (!given.etag().empty() && given.etag() != std::to_string(before.version))
      return rpc::WithReason(absl::AbortedError("somebody has changed it since; read it again"),
                             "ETAG_MISMATCH");
    CLEANMAIL_ASSIGN_OR_RETURN(
        const HoldRow after,
        parts_.holds.Annotate(
            name, Sets(*request, "note", given.note()) ? std::optional(given.note()) : std::nullopt,
            Sets(*request, "assigned_to", given.assigned_to()) ? std::optional(given.assigned_to())
                                                               : std::nullopt,
            given.etag().empty() ? 0 : before.version, caller.id));
    const v1::Hold was = ToProto(before, false);
    *reply = ToProto(after, false);
    parts_.authz.Changed(caller, Permission::kUpdateHold,
                         {.tenant = after.message.tenant(), .resource = reply->name()}, &was,
                         reply);
    return absl::OkStatus();
  });
}

absl::Status Api::Allow(const Caller& caller, const HoldRow& hold,
                        const v1::ReleaseHoldRequest& request) {
  const v1::AllowSender& allow = request.allow();
  const auto wrong = [](std::string_view why) {
    return rpc::WithField(absl::InvalidArgumentError(base::Cat("allow.scope: ", why)),
                          "allow.scope");
  };
  if (hold.message.envelope().sender().empty()) return wrong("there is no sender to allow");
  std::set<std::string> scopes;
  for (const HeldRecipient& recipient : hold.recipients) {
    const auto& asked = request.recipients();
    if (!asked.empty() && std::ranges::find(asked, recipient.address) == asked.end()) continue;
    if (allow.scope() == v1::AllowSender::SCOPE_USER) scopes.insert(recipient.account);
    if (allow.scope() == v1::AllowSender::SCOPE_DOMAIN) scopes.insert(recipient.domain);
    if (allow.scope() == v1::AllowSender::SCOPE_TENANT) scopes.insert("");
  }
  if (scopes.empty()) return wrong("say for whom: the user, the domain or the tenant");
  if (scopes.size() > kMostAllowed) return wrong("too many recipients; allow for the tenant");
  for (const std::string& scope : scopes) {
    policy::v1::CreateListEntryRequest create;
    create.set_parent(base::Cat("tenants/", hold.message.tenant()));
    policy::v1::ListEntry& entry = *create.mutable_list_entry();
    entry.set_kind(policy::v1::ListEntry::KIND_ALLOW);
    entry.set_scope(scope);
    entry.set_sender(hold.message.envelope().sender());
    entry.set_comment(allow.comment());
    if (allow.has_expire_time()) *entry.mutable_expire_time() = allow.expire_time();
    const auto made = rpc::Forward(
        parts_.peers.channels(), kCreateListEntry, create.SerializeAsString(),
        {.deadline = absl::Now() + absl::Seconds(5), .caller = caller, .trace = caller.trace});
    // Allowed before: what was asked for is there.
    if (!made.ok() && !absl::IsAlreadyExists(made.status())) return made.status();
  }
  return absl::OkStatus();
}

grpc::Status Api::ReleaseHold(grpc::ServerContext* rpc, const v1::ReleaseHoldRequest* request,
                              v1::Hold* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldName name,
                               CheckHold(caller, Permission::kReleaseHold, request->name()));
    const ReleaseOptions options = {
        .recipients = {request->recipients().begin(), request->recipients().end()},
        .by = caller.id,
        .is_user = IsUser(caller),
        .accept_risk = request->accept_risk() && !IsUser(caller),
        .rescan = request->rescan()};
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldRow before, parts_.holds.Get(name));
    // Who may not release shall not have allowed either; and a release without the entry asked for
    // cannot be asked for again.
    CLEANMAIL_RETURN_IF_ERROR(Holds::CheckRelease(before, options));
    if (request->has_allow()) CLEANMAIL_RETURN_IF_ERROR(Allow(caller, before, *request));
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldRow after, parts_.holds.Release(name, options));
    const v1::Hold was = ToProto(before, IsUser(caller));
    *reply = ToProto(after, IsUser(caller));
    parts_.authz.Changed(caller, Permission::kReleaseHold,
                         {.tenant = after.message.tenant(), .resource = reply->name()}, &was,
                         reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::DeleteHold(grpc::ServerContext* rpc, const v1::DeleteHoldRequest* request,
                             v1::Hold* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldName name,
                               CheckHold(caller, Permission::kDeleteHold, request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldRow before, parts_.holds.Get(name));
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldRow after, parts_.holds.Delete(name, {}, caller.id));
    const v1::Hold was = ToProto(before, IsUser(caller));
    *reply = ToProto(after, IsUser(caller));
    parts_.authz.Changed(caller, Permission::kDeleteHold,
                         {.tenant = after.message.tenant(), .resource = reply->name()}, &was,
                         reply);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::quarantine
