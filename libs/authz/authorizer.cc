#include "libs/authz/authorizer.h"

#include <algorithm>

#include "libs/authz/audited.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/bus/events.h"
#include "libs/rpc/answer.h"
#include "libs/telemetry/trace.h"
#include "proto/cleanmail/audit/v1/events.pb.h"

namespace cleanmail::authz {
namespace {

using rpc::Caller;
using rpc::Role;

bool IsOneTenant(std::string_view tenant) {
  return !tenant.empty() && tenant != kWholeInstallation;
}

std::string_view DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view() : address.substr(at + 1);
}

bool Has(const std::vector<std::string>& all, std::string_view one) {
  return std::ranges::find(all, one) != all.end();
}

// The role whose branch begins at the target: what a caller must at least be to stand above it.
Role OwnerOf(const Target& target) {
  if (!target.user.empty()) return Role::kUser;
  if (!target.domain.empty()) return Role::kDomain;
  if (IsOneTenant(target.tenant)) return Role::kTenant;
  return target.partner.empty() ? Role::kOperator : Role::kPartner;
}

absl::Status Denied(std::string_view why) {
  return rpc::WithReason(absl::PermissionDeniedError(base::AbslView(why)), "NOT_ALLOWED");
}

}  // namespace

bool Visible::SeesTenant(std::string_view tenant) const {
  return all_tenants || Has(tenants, tenant);
}
bool Visible::SeesWholeTenant(std::string_view tenant) const {
  return SeesTenant(tenant) && all_domains && user.empty();
}
bool Visible::SeesDomain(std::string_view tenant, std::string_view domain) const {
  return SeesTenant(tenant) && user.empty() && (all_domains || Has(domains, domain));
}
bool Visible::SeesUser(std::string_view tenant, std::string_view address) const {
  if (!user.empty()) return SeesTenant(tenant) && user == address;
  return SeesDomain(tenant, DomainOf(address));
}

Visible Authorizer::VisibleTo(const Caller& caller) const {
  switch (caller.role) {
    case Role::kNone:
      return {};
    case Role::kService:
    case Role::kOperator:
      return {.all_tenants = true, .all_domains = true};
    case Role::kPartner:
      return {.tenants = tenants_ == nullptr || caller.partner.empty()
                             ? std::vector<std::string>()
                             : tenants_->TenantsOf(caller.partner),
              .all_domains = true};
    case Role::kTenant:
      return {.tenants = {caller.tenant}, .all_domains = true};
    case Role::kDomain:
      return {.tenants = {caller.tenant}, .domains = caller.domains};
    case Role::kUser:
      // A user's role without a user must not see everybody's.
      if (caller.user.empty()) return {};
      return {.tenants = {caller.tenant}, .all_domains = true, .user = caller.user};
  }
  return {};
}

bool Authorizer::Contains(const Caller& caller, const Target& target) const {
  if (caller.role == Role::kService || caller.role == Role::kOperator) return true;
  const Role owner = OwnerOf(target);
  if (owner == Role::kOperator) return true;  // in nobody's branch: roles decide
  if (owner == Role::kPartner)
    return caller.role != Role::kPartner || (caller.partner == target.partner);
  switch (caller.role) {
    case Role::kNone:
    case Role::kService:
    case Role::kOperator:
      return false;
    case Role::kPartner:
      return tenants_ != nullptr && !caller.partner.empty() &&
             tenants_->PartnerOf(target.tenant) == caller.partner;
    case Role::kTenant:
      return caller.tenant == target.tenant;
    case Role::kDomain: {
      if (caller.tenant != target.tenant) return false;
      const std::string_view domain = target.domain.empty() ? DomainOf(target.user) : target.domain;
      return owner == Role::kTenant || Has(caller.domains, domain);
    }
    case Role::kUser:
      if (caller.tenant != target.tenant) return false;
      if (owner == Role::kUser) return !caller.user.empty() && caller.user == target.user;
      return owner == Role::kTenant || DomainOf(caller.user) == target.domain;
  }
  return false;
}

absl::Status Authorizer::Check(const Caller& caller, Permission permission, const Target& target) {
  if (caller.role == Role::kService) return absl::OkStatus();
  const Rule rule = RuleOf(permission);
  const absl::Status answer = [&]() -> absl::Status {
    if (caller.role == Role::kNone) return Denied(base::Cat(caller.id, " may not ", rule.name));
    if (rule.lowest == Role::kService) return Denied(base::Cat(rule.name, " is not for people"));
    if (!Contains(caller, target)) return NoSuchResource();
    const Role needed = target.filtered ? rule.lowest : std::min(rule.lowest, OwnerOf(target));
    if (caller.role > needed)
      return Denied(base::Cat(rule.name, " needs the role ", rpc::RoleName(needed),
                              " here or one above it; yours is ", rpc::RoleName(caller.role)));
    if (!ScopesAllow(caller.scopes, rule.name))
      return Denied(base::Cat(rule.name, " is not among the scopes you are narrowed to"));
    return absl::OkStatus();
  }();
  if (!answer.ok()) Record(caller, permission, target, false, "", "");
  return answer;
}

void Authorizer::Changed(const Caller& caller, Permission permission, const Target& target,
                         const google::protobuf::Message* before,
                         const google::protobuf::Message* after) {
  Record(caller, permission, target, true, AuditedJson(before), AuditedJson(after));
}

void Authorizer::Record(const Caller& caller, Permission permission, const Target& target,
                        bool allowed, std::string before, std::string after) {
  audit::v1::AuditRecorded event;
  // Text of a request that nobody may have checked yet: kept short and printable.
  event.set_tenant(target.tenant.empty() ? std::string(kWholeInstallation)
                                         : base::Printable(target.tenant, 100));
  event.set_actor(caller.id);
  event.set_permission(std::string(RuleOf(permission).name));
  event.set_resource(base::Printable(target.resource, 500));
  event.set_allowed(allowed);
  event.set_at_us(base::NowMicros(clock_));
  event.set_before(std::move(before));
  event.set_after(std::move(after));
  event.set_address(caller.address);
  event.set_trace(std::string(telemetry::TraceIdOf(caller.trace)));
  bus::PublishEvent(bus_, event, caller.trace, [&log = log_, event](absl::Status kept) {
    if (kept.ok()) return;
    // The trail must not be lost in silence: the log has it then.
    log.Error("audit.not_recorded", {{"tenant", event.tenant()},
                                     {"actor", event.actor()},
                                     {"permission", event.permission()},
                                     {"resource", event.resource()},
                                     {"allowed", event.allowed()},
                                     {"error", base::View(kept.message())}});
  });
}

absl::Status NoSuchResource() {
  return rpc::WithReason(absl::NotFoundError("no such resource"), "NOT_FOUND");
}

}  // namespace cleanmail::authz
