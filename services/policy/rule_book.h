#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "absl/synchronization/mutex.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "services/policy/rules/rule_set.h"
#include "services/policy/sender_lists.h"

namespace cleanmail::policy {

// What all tenants have set, compiled, in memory; kept fresh from RulesChanged. Thread-safe; reads
// take a shared lock for about a microsecond.
class RuleBook {
 public:
  RuleBook();

  // Before the first Complete() nothing may be decided by it. A policy that does not compile keeps
  // the place of the one before it; InvalidArgument says why.
  absl::Status Apply(const v1::RulesChanged& change);
  void Complete();
  bool complete() const;

  // A tenant's policy by id; the empty id is `standard`.
  struct Found {
    std::shared_ptr<const RuleSet>
        rules;          // shared: decisions in hand keep the version they began with
    bool known = true;  // false: no such policy, and this is `standard`
  };
  Found PolicyOf(std::string_view tenant, std::string_view id) const;
  // Never null; a tenant that has set nothing has StandardSettings().
  std::shared_ptr<const v1::PolicySettings> SettingsOf(std::string_view tenant) const;
  // Whether the tenant's lists block anybody.
  bool Blocks(std::string_view tenant) const;
  ListAnswer AskLists(std::string_view tenant, const Subject& subject, const Owner& owner,
                      absl::Time now) const;

 private:
  struct Tenant {
    std::map<std::string, std::shared_ptr<const RuleSet>, std::less<>> policies;
    std::shared_ptr<const v1::PolicySettings> settings;
    SenderLists lists;
  };
  const Tenant* TenantOf(std::string_view id) const ABSL_SHARED_LOCKS_REQUIRED(mutex_);

  std::map<std::string, std::shared_ptr<const RuleSet>, std::less<>> recommended_;
  const std::shared_ptr<const v1::PolicySettings> standard_settings_;
  mutable absl::Mutex mutex_;
  bool complete_ ABSL_GUARDED_BY(mutex_) = false;
  std::map<std::string, Tenant, std::less<>> tenants_ ABSL_GUARDED_BY(mutex_);
};

// What a tenant has that has set nothing; without a name.
v1::PolicySettings StandardSettings();

}  // namespace cleanmail::policy
