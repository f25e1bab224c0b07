#include "libs/authz/permission.h"

#include <algorithm>

namespace cleanmail::authz {
namespace {

using rpc::Role;

std::string_view ThingOf(std::string_view name) { return name.substr(0, name.find('.')); }
std::string_view VerbOf(std::string_view name) {
  const size_t dot = name.find('.');
  return dot == std::string_view::npos ? std::string_view() : name.substr(dot + 1);
}

bool ScopeAllows(std::string_view scope, std::string_view permission) {
  if (scope == "*") return true;
  const std::string_view thing = ThingOf(scope);
  const std::string_view verb = VerbOf(scope);
  return (thing == "*" || thing == ThingOf(permission)) &&
         (verb == "*" || verb == VerbOf(permission));
}

// Calls `visit(name)` for each permission that a person may have.
template <class Visit>
void ForPeople(Visit visit) {
  for (int i = 0; i <= static_cast<int>(kLastPermission); ++i) {
    const Rule rule = RuleOf(static_cast<Permission>(i));
    if (rule.lowest != Role::kService) visit(rule.name);
  }
}

}  // namespace

Rule RuleOf(Permission permission) {
  switch (permission) {
    case Permission::kReadPartners:
      return {"partners.read", Role::kPartner};
    case Permission::kWritePartners:
      return {"partners.write", Role::kOperator};
    case Permission::kReadTenants:
      return {"tenants.read", Role::kUser};
    case Permission::kWriteTenants:
      return {"tenants.write", Role::kPartner};
    case Permission::kUpdateTenants:
      return {"tenants.update", Role::kTenant};
    case Permission::kReadDomains:
      return {"domains.read", Role::kDomain};
    case Permission::kWriteDomains:
      return {"domains.write", Role::kTenant};
    case Permission::kReadUsers:
      return {"users.read", Role::kUser};
    case Permission::kWriteUsers:
      return {"users.write", Role::kDomain};
    case Permission::kReadRoutes:
      return {"routes.read", Role::kDomain};
    case Permission::kWriteRoutes:
      return {"routes.write", Role::kDomain};
    case Permission::kReadGroups:
      return {"groups.read", Role::kTenant};
    case Permission::kWriteGroups:
      return {"groups.write", Role::kTenant};
    case Permission::kReadCallouts:
      return {"callouts.read", Role::kDomain};
    case Permission::kWriteCallouts:
      return {"callouts.write", Role::kDomain};
    case Permission::kAskCallouts:
      return {"callouts.ask", Role::kService};
    case Permission::kAskDestinations:
      return {"destinations.ask", Role::kService};
    case Permission::kReadPolicies:
      return {"policies.read", Role::kDomain};
    case Permission::kWritePolicies:
      return {"policies.write", Role::kTenant};
    case Permission::kReadLists:
      return {"lists.read", Role::kUser};
    case Permission::kWriteLists:
      return {"lists.write", Role::kUser};
    case Permission::kReadHolds:
      return {"holds.read", Role::kUser};
    case Permission::kReleaseHold:
      return {"holds.release", Role::kUser};
    case Permission::kDeleteHold:
      return {"holds.delete", Role::kUser};
    case Permission::kUpdateHold:
      return {"holds.update", Role::kDomain};
    case Permission::kReadQuarantineSettings:
      return {"quarantine.read", Role::kTenant};
    case Permission::kWriteQuarantineSettings:
      return {"quarantine.write", Role::kTenant};
    case Permission::kReadDeliveries:
      return {"deliveries.read", Role::kDomain};
    case Permission::kRetryDeliveries:
      return {"deliveries.retry", Role::kTenant};
    case Permission::kReadSourceRanges:
      return {"source_ranges.read", Role::kUser};
    case Permission::kReadRules:
      return {"rules.read", Role::kOperator};
    case Permission::kChangeRules:
      return {"rules.change", Role::kOperator};
    case Permission::kReadLearning:
      return {"learning.read", Role::kTenant};
    case Permission::kTeach:
      return {"learning.teach", Role::kTenant};
    case Permission::kReadTraces:
      return {"traces.read", Role::kUser};
    case Permission::kReadCounts:
      return {"counts.read", Role::kDomain};
    case Permission::kReadAudit:
      return {"audit.read", Role::kTenant};
    case Permission::kReadRetention:
      return {"retention.read", Role::kTenant};
    case Permission::kWriteRetention:
      return {"retention.write", Role::kTenant};
    case Permission::kReadPersons:
      return {"persons.read", Role::kTenant};
    case Permission::kErasePersons:
      return {"persons.erase", Role::kTenant};
    case Permission::kReadTokens:
      return {"tokens.read", Role::kTenant};
    case Permission::kWriteTokens:
      return {"tokens.write", Role::kTenant};
    case Permission::kReadDirectory:
      return {"directory.read", Role::kService};
    case Permission::kReadKeys:
      return {"keys.read", Role::kService};
    case Permission::kEvaluateEnvelopes:
      return {"envelopes.evaluate", Role::kService};
    case Permission::kScanMessages:
      return {"messages.scan", Role::kService};
  }
  return {"unknown", Role::kService};
}

std::string_view PermissionName(Permission permission) { return RuleOf(permission).name; }

bool ScopesAllow(const std::vector<std::string>& scopes, std::string_view permission) {
  return scopes.empty() || std::ranges::any_of(scopes, [&](const std::string& scope) {
           return ScopeAllows(scope, permission);
         });
}

bool IsScope(std::string_view scope) {
  bool is_one = false;
  ForPeople([&](std::string_view name) { is_one = is_one || ScopeAllows(scope, name); });
  return is_one;
}

bool ScopesContain(const std::vector<std::string>& outer, const std::vector<std::string>& inner) {
  bool contains = true;
  ForPeople([&](std::string_view name) {
    contains = contains && (!ScopesAllow(inner, name) || ScopesAllow(outer, name));
  });
  return contains;
}

}  // namespace cleanmail::authz
