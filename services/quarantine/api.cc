#include "services/quarantine/api.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"

namespace cleanmail::quarantine {
namespace {

using authz::Permission;
using rpc::Caller;

constexpr std::string_view kAnyTenant = "-";

v1::Hold ToProto(const HoldRow& row) {
  v1::Hold hold;
  hold.set_name(base::Cat("tenants/", row.message.tenant(), "/holds/", row.message.id()));
  hold.set_kind(row.kind);
  hold.set_rule(row.rule);
  hold.set_reason(row.reason);
  hold.set_sender(row.message.envelope().sender());
  hold.set_subject(row.message.subject());
  hold.set_score(row.score);
  hold.set_size(row.message.size());
  hold.set_held_at_us(row.held_at_us);
  hold.set_expires_at_us(row.expires_at_us);
  for (const mail::v1::Finding& finding : row.findings) *hold.add_findings() = finding;
  for (const HeldRecipient& held : row.recipients) {
    v1::HeldRecipient* recipient = hold.add_recipients();
    recipient->set_address(held.address);
    recipient->set_state(held.state);
    recipient->set_detail(held.detail);
  }
  return hold;
}

// The tenant to look in; empty for "-".
std::string InTenant(const std::string& tenant) { return tenant == kAnyTenant ? "" : tenant; }

absl::StatusOr<HoldName> ParseHoldName(std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*/holds/*", name));
  return HoldName{.tenant = InTenant(parts[0]), .message = parts[1]};
}

std::string_view Checked(const std::string& tenant) {
  return tenant.empty() ? authz::kWholeInstallation : std::string_view(tenant);
}

absl::Status Give(const absl::StatusOr<HoldRow>& row, v1::Hold* reply) {
  CLEANMAIL_RETURN_IF_ERROR(row.status());
  *reply = ToProto(*row);
  return absl::OkStatus();
}

}  // namespace

grpc::Status Api::ListHolds(grpc::ServerContext* rpc, const v1::ListHoldsRequest* request,
                            v1::ListHoldsResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*", request->parent()));
    const std::string tenant = InTenant(parts[0]);
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kReadHolds, Checked(tenant)));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string after,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t limit, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<HoldRow> rows,
                               holds_.List(tenant, request->only_held(), after, limit));
    for (const HoldRow& row : rows) *reply->add_holds() = ToProto(row);
    if (static_cast<int32_t>(rows.size()) == limit)
      reply->set_next_page_token(rpc::resource::ToPageToken(rows.back().message.id()));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetHold(grpc::ServerContext* rpc, const v1::GetHoldRequest* request,
                          v1::Hold* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldName name, ParseHoldName(request->name()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadHolds, Checked(name.tenant), request->name()));
    return Give(holds_.Get(name), reply);
  });
}

grpc::Status Api::ReleaseHold(grpc::ServerContext* rpc, const v1::ReleaseHoldRequest* request,
                              v1::Hold* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldName name, ParseHoldName(request->name()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReleaseHold, Checked(name.tenant), request->name()));
    const std::vector<std::string> recipients(request->recipients().begin(),
                                              request->recipients().end());
    return Give(holds_.Release(name, recipients, caller.id), reply);
  });
}

grpc::Status Api::DeleteHold(grpc::ServerContext* rpc, const v1::DeleteHoldRequest* request,
                             v1::Hold* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const HoldName name, ParseHoldName(request->name()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kDeleteHold, Checked(name.tenant), request->name()));
    return Give(holds_.Delete(name, caller.id), reply);
  });
}

}  // namespace cleanmail::quarantine
