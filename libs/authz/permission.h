#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "libs/rpc/caller.h"

namespace cleanmail::authz {

// What may be asked for. Names in scopes, logs and the audit trail: PermissionName.
enum class Permission {
  kReadPartners,
  kWritePartners,
  kReadTenants,
  kWriteTenants,
  kUpdateTenants,  // what a tenant may change of itself
  kReadDomains,
  kWriteDomains,
  kReadUsers,
  kWriteUsers,
  kReadRoutes,
  kWriteRoutes,
  kReadGroups,
  kWriteGroups,
  kReadCallouts,
  kWriteCallouts,
  kAskCallouts,      // services only
  kAskDestinations,  // services only
  kReadPolicies,
  kWritePolicies,
  kReadLists,
  kWriteLists,
  kReadHolds,
  kReleaseHold,
  kDeleteHold,
  kUpdateHold,  // note, who looks after it
  kReadQuarantineSettings,
  kWriteQuarantineSettings,
  kReadDeliveries,
  kRetryDeliveries,
  kReadSourceRanges,
  kReadRules,    // spam rules of the scanner
  kChangeRules,  // puts others into use
  kReadLearning,
  kTeach,  // says what is spam
  kReadTraces,
  kReadCounts,
  kReadAudit,
  kReadRetention,
  kWriteRetention,
  kReadPersons,  // all that is remembered of one person
  kErasePersons,
  kReadTokens,
  kWriteTokens,
  kReadDirectory,      // the whole of it: services only
  kReadKeys,           // tenants' keys: services only
  kEvaluateEnvelopes,  // services only
  kScanMessages,       // services only
};

// The last of them, for loops over all.
inline constexpr Permission kLastPermission = Permission::kScanMessages;

struct Rule {
  // `holds.release`: the thing, the verb.
  std::string_view name;
  // The lowest role that may have it, within its own branch; kService: no person may.
  rpc::Role lowest;
};

// The table: who may have what at all.
Rule RuleOf(Permission permission);

// `holds.release`.
std::string_view PermissionName(Permission permission);

// Whether `scopes` let `permission` (by name) through. No scopes let everything through; a scope is
// a permission's name with `*` for either half, or `*`.
bool ScopesAllow(const std::vector<std::string>& scopes, std::string_view permission);

// Whether `scope` is one that could let something through: `holds.release`, `holds.*`, `*.read`,
// `*`, of things and verbs that exist for people.
bool IsScope(std::string_view scope);

// Whether everything `inner` lets through, `outer` does too.
bool ScopesContain(const std::vector<std::string>& outer, const std::vector<std::string>& inner);

}  // namespace cleanmail::authz
