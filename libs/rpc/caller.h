#pragma once

#include <string>
#include <vector>

namespace cleanmail::rpc {

// What a caller may be. kOperator and below are people and programs, each above the next in its
// branch.
enum class Role {
  kNone,      // may do nothing
  kService,   // another room
  kOperator,  // everything that people may
  kPartner,   // the tenants of `partner`
  kTenant,    // `tenant`
  kDomain,    // `domains` of `tenant`
  kUser,      // `user` of `tenant`: his own things
};

// Who calls. A value.
struct Caller {
  Role role = Role::kNone;
  // "service" (in this process), "ingress" (a room of another one), "operator/local",
  // "token/{id}"; stands in the audit trail.
  std::string id = {};
  std::string partner = {};               // kPartner: id of the partner
  std::string tenant = {};                // kTenant and below: id of the tenant
  std::vector<std::string> domains = {};  // kDomain: A-labels, lower case
  std::string user = {};                  // kUser: primary address
  // Permissions it is narrowed to: `holds.release`, `holds.*`, `*.read`, `*`; empty: all the role
  // has.
  std::vector<std::string> scopes = {};
  // Where he called from; empty for the local socket and for services.
  std::string address = {};
  // W3C traceparent of the call, empty without.
  std::string trace = {};
};

// `domain` for messages to people.
constexpr const char* RoleName(Role role) {
  switch (role) {
    case Role::kNone:
      return "none";
    case Role::kService:
      return "service";
    case Role::kOperator:
      return "operator";
    case Role::kPartner:
      return "partner";
    case Role::kTenant:
      return "tenant";
    case Role::kDomain:
      return "domain";
    case Role::kUser:
      return "user";
  }
  return "none";
}

}  // namespace cleanmail::rpc
