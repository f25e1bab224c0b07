#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "libs/base/clock.h"
#include "libs/bus/bus.h"
#include "libs/rpc/caller.h"
#include "libs/telemetry/log.h"

namespace cleanmail::authz {

// What may be asked for. Names in logs and the audit trail: PermissionName.
enum class Permission {
  kReadTenants,
  kWriteTenants,
  kReadDomains,
  kWriteDomains,
  kReadUsers,
  kWriteUsers,
  kReadRoutes,
  kWriteRoutes,
  kReadPolicies,
  kReadHolds,
  kReleaseHold,
  kDeleteHold,
  kReadDeliveries,
  kRetryDeliveries,
  kReadTraces,
  kReadDirectory,      // the whole of it: services only
  kReadKeys,           // tenants' keys: services only
  kEvaluateEnvelopes,  // services only
};

// `holds.release`.
std::string_view PermissionName(Permission permission);
// Whether it changes something: such are written to the audit trail when allowed, all when refused.
bool IsChange(Permission permission);

// The tenant of questions that concern no single one (`tenants/-`).
inline constexpr std::string_view kWholeInstallation = "-";

// Says who may do what and writes the audit trail. Thread-safe; never waits for the bus.
class Authorizer {
 public:
  // All outlive it.
  Authorizer(bus::Bus& bus, const base::Clock& clock, telemetry::Log& log)
      : bus_(bus), clock_(clock), log_(log) {}

  // OK, or PermissionDenied with the reason NOT_ALLOWED. `tenant` is its id or kWholeInstallation;
  // `resource` the resource's name.
  absl::Status Check(const rpc::Caller& caller, Permission permission, std::string_view tenant,
                     std::string_view resource = {});

 private:
  bus::Bus& bus_;
  const base::Clock& clock_;
  telemetry::Log& log_;
};

}  // namespace cleanmail::authz
