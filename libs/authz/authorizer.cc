#include "libs/authz/authorizer.h"

#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "libs/bus/events.h"
#include "libs/rpc/answer.h"
#include "proto/cleanmail/audit/v1/events.pb.h"

namespace cleanmail::authz {
namespace {

// Who may be allowed a permission at all.
enum class Who { kServices, kServicesAndOperators };

struct Rule {
  std::string_view name;
  bool change;
  Who who;
};

Rule RuleOf(Permission permission) {
  switch (permission) {
    case Permission::kReadTenants:
      return {"tenants.read", false, Who::kServicesAndOperators};
    case Permission::kWriteTenants:
      return {"tenants.write", true, Who::kServicesAndOperators};
    case Permission::kReadDomains:
      return {"domains.read", false, Who::kServicesAndOperators};
    case Permission::kWriteDomains:
      return {"domains.write", true, Who::kServicesAndOperators};
    case Permission::kReadUsers:
      return {"users.read", false, Who::kServicesAndOperators};
    case Permission::kWriteUsers:
      return {"users.write", true, Who::kServicesAndOperators};
    case Permission::kReadRoutes:
      return {"routes.read", false, Who::kServicesAndOperators};
    case Permission::kWriteRoutes:
      return {"routes.write", true, Who::kServicesAndOperators};
    case Permission::kReadPolicies:
      return {"policies.read", false, Who::kServicesAndOperators};
    case Permission::kReadHolds:
      return {"holds.read", false, Who::kServicesAndOperators};
    case Permission::kReleaseHold:
      return {"holds.release", true, Who::kServicesAndOperators};
    case Permission::kDeleteHold:
      return {"holds.delete", true, Who::kServicesAndOperators};
    case Permission::kReadDeliveries:
      return {"deliveries.read", false, Who::kServicesAndOperators};
    case Permission::kRetryDeliveries:
      return {"deliveries.retry", true, Who::kServicesAndOperators};
    case Permission::kReadTraces:
      return {"traces.read", false, Who::kServicesAndOperators};
    case Permission::kReadDirectory:
      return {"directory.read", false, Who::kServices};
    case Permission::kReadKeys:
      return {"keys.read", false, Who::kServices};
    case Permission::kEvaluateEnvelopes:
      return {"envelopes.evaluate", false, Who::kServices};
  }
  return {"unknown", true, Who::kServices};
}

bool Allows(Who who, rpc::Caller::Kind kind) {
  switch (kind) {
    case rpc::Caller::Kind::kUnknown:
      return false;
    case rpc::Caller::Kind::kService:
      return true;
    case rpc::Caller::Kind::kOperator:
      return who == Who::kServicesAndOperators;
  }
  return false;
}

}  // namespace

std::string_view PermissionName(Permission permission) { return RuleOf(permission).name; }
bool IsChange(Permission permission) { return RuleOf(permission).change; }

absl::Status Authorizer::Check(const rpc::Caller& caller, Permission permission,
                               std::string_view tenant, std::string_view resource) {
  const Rule rule = RuleOf(permission);
  const bool allowed = Allows(rule.who, caller.kind);
  if (!allowed || rule.change) {
    audit::v1::AuditRecorded event;
    // Text of a request that nobody has checked yet: kept short and printable.
    event.set_tenant(tenant.empty() ? std::string(kWholeInstallation)
                                    : base::Printable(tenant, 100));
    event.set_actor(caller.id);
    event.set_permission(std::string(rule.name));
    event.set_resource(base::Printable(resource, 500));
    event.set_allowed(allowed);
    event.set_at_us(base::NowMicros(clock_));
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
  if (allowed) return absl::OkStatus();
  return rpc::WithReason(absl::PermissionDeniedError(base::Cat(caller.id, " may not ", rule.name)),
                         "NOT_ALLOWED");
}

}  // namespace cleanmail::authz
