#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "libs/authz/permission.h"
#include "libs/base/clock.h"
#include "libs/bus/bus.h"
#include "libs/rpc/caller.h"
#include "libs/telemetry/log.h"

namespace google::protobuf {
class Message;
}

namespace cleanmail::authz {

// The tenant of questions that concern no single one (`tenants/-`).
inline constexpr std::string_view kWholeInstallation = "-";

// What a permission is asked on. The owner stands in the lowest field that is set: a user, a
// domain, a tenant, a partner, the installation.
struct Target {
  // Id of the tenant; empty or kWholeInstallation: none in particular.
  std::string_view tenant = {};
  // Domain of the tenant it belongs to, in A-labels; empty: the tenant as a whole.
  std::string_view domain = {};
  // Primary address of the user it belongs to; his domain need not be said.
  std::string_view user = {};
  // Id of the partner, where the target belongs to one and to no tenant: himself, his tokens, a
  // tenant that is about to be made.
  std::string_view partner = {};
  // Resource name as asked, for the audit trail.
  std::string_view resource = {};
  // A list or search of `tenant` (or of all) in which the room shows only what Visible() says.
  // Without this a caller below the target's owner is refused.
  bool filtered = false;
};

// What a caller may see: what rooms filter lists and searches by. All fields must hold.
struct Visible {
  // True: every tenant; else only these.
  bool all_tenants = false;
  std::vector<std::string> tenants = {};
  // True: every domain of those tenants; else only these.
  bool all_domains = false;
  std::vector<std::string> domains = {};
  // Empty: every user; else only this one.
  std::string user = {};

  bool SeesTenant(std::string_view tenant) const;
  // Something of the tenant as a whole, which belongs to no domain or user.
  bool SeesWholeTenant(std::string_view tenant) const;
  bool SeesDomain(std::string_view tenant, std::string_view domain) const;
  // `address` lower case, its domain in A-labels.
  bool SeesUser(std::string_view tenant, std::string_view address) const;
};

// Whose tenants are whose. Thread-safe.
class Tenants {
 public:
  virtual ~Tenants() = default;
  // Id of the partner that looks after the tenant; empty: none, or no such tenant.
  virtual std::string PartnerOf(std::string_view tenant) = 0;
  // Ids of the tenants a partner looks after.
  virtual std::vector<std::string> TenantsOf(std::string_view partner) = 0;
};

// Says who may do what and writes the audit trail. Thread-safe; never waits for the bus.
class Authorizer {
 public:
  // All outlive it. Without `tenants` no partner sees any tenant.
  Authorizer(bus::Bus& bus, const base::Clock& clock, telemetry::Log& log,
             Tenants* tenants = nullptr)
      : bus_(bus), clock_(clock), log_(log), tenants_(tenants) {}

  // Asked by every handler before it looks anything up. OK; NotFound with NoSuchResource's words
  // when the target lies outside the caller's branch; PermissionDenied with the reason NOT_ALLOWED
  // and what is missing when his role or scopes do not reach. Refusals are recorded.
  absl::Status Check(const rpc::Caller& caller, Permission permission, const Target& target);
  absl::Status Check(const rpc::Caller& caller, Permission permission, std::string_view tenant,
                     std::string_view resource = {}) {
    return Check(caller, permission, Target{.tenant = tenant, .resource = resource});
  }

  // Records a change that was made: who, what, before, after (JSON; fields marked
  // BEHAVIOR_INPUT_ONLY are masked). nullptr where there is none: created, deleted. Asked after the
  // change is certain.
  void Changed(const rpc::Caller& caller, Permission permission, const Target& target,
               const google::protobuf::Message* before, const google::protobuf::Message* after);

  // What lists and searches may show to the caller.
  Visible VisibleTo(const rpc::Caller& caller) const;

 private:
  // Whether the target lies in the caller's branch, at or below him.
  bool Contains(const rpc::Caller& caller, const Target& target) const;
  void Record(const rpc::Caller& caller, Permission permission, const Target& target, bool allowed,
              std::string before, std::string after);

  bus::Bus& bus_;
  const base::Clock& clock_;
  telemetry::Log& log_;
  Tenants* const tenants_;
};

// What a missing thing is answered with, the same whether it does not exist or is somebody else's:
// NotFound, "no such resource", reason NOT_FOUND. Rooms use it for their own lookups.
absl::Status NoSuchResource();

}  // namespace cleanmail::authz
