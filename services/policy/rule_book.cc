#include "services/policy/rule_book.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::policy {
namespace {

// `tenants/{tenant}/{kind}/{id}`, the last part missing in singletons.
struct Name {
  std::string_view tenant;
  std::string_view kind;
  std::string_view id;
};

Name Split(std::string_view name) {
  Name parts;
  const auto take = [&name] {
    const size_t slash = name.find('/');
    const std::string_view part = name.substr(0, slash);
    name = slash == std::string_view::npos ? std::string_view{} : name.substr(slash + 1);
    return part;
  };
  (void)take();
  parts.tenant = take();
  parts.kind = take();
  parts.id = name;
  return parts;
}

}  // namespace

v1::PolicySettings StandardSettings() {
  v1::PolicySettings settings;
  settings.set_refuse_outlook_express(true);
  settings.set_could_not_scan(v1::PolicySettings::COULD_NOT_SCAN_HOLD);
  settings.set_remember_days(30);
  settings.set_newsletter_mark(v1::PolicySettings::NEWSLETTER_MARK_SUBJECT);
  settings.set_newsletter_tag("[PUB]");
  settings.set_etag("\"0\"");
  return settings;
}

RuleBook::RuleBook()
    : standard_settings_(std::make_shared<const v1::PolicySettings>(StandardSettings())) {
  for (const v1::Policy& policy : RecommendedPolicies("-")) {
    auto compiled = RuleSet::Compile(policy);
    CLEANMAIL_CHECK_OK(compiled.status());
    recommended_.emplace((*compiled)->id(), *compiled);
  }
}

absl::Status RuleBook::Apply(const v1::RulesChanged& change) {
  const Name name = Split(change.name());
  std::shared_ptr<const RuleSet> compiled;
  if (!change.deleted() && change.has_policy()) {
    CLEANMAIL_ASSIGN_OR_RETURN(compiled, RuleSet::Compile(change.policy()));  // outside the lock
  }
  absl::MutexLock lock(&mutex_);
  Tenant& tenant = tenants_[std::string(name.tenant)];
  if (name.kind == "policies") {
    if (compiled != nullptr) {
      tenant.policies.insert_or_assign(std::string(name.id), std::move(compiled));
    } else if (const auto found = tenant.policies.find(name.id); found != tenant.policies.end()) {
      tenant.policies.erase(found);
    }
  } else if (name.kind == "policySettings") {
    tenant.settings =
        change.deleted() ? nullptr : std::make_shared<const v1::PolicySettings>(change.settings());
  } else if (name.kind == "listEntries") {
    if (change.deleted()) {
      tenant.lists.Remove(change.name());
    } else {
      tenant.lists.Set(change.list_entry());
    }
  }
  return absl::OkStatus();
}

void RuleBook::Complete() {
  absl::MutexLock lock(&mutex_);
  complete_ = true;
}

bool RuleBook::complete() const {
  absl::ReaderMutexLock lock(&mutex_);
  return complete_;
}

const RuleBook::Tenant* RuleBook::TenantOf(std::string_view id) const {
  const auto found = tenants_.find(id);
  return found == tenants_.end() ? nullptr : &found->second;
}

RuleBook::Found RuleBook::PolicyOf(std::string_view tenant, std::string_view id) const {
  const std::string_view asked = id.empty() ? "standard" : id;
  absl::ReaderMutexLock lock(&mutex_);
  const Tenant* own = TenantOf(tenant);
  for (const std::string_view candidate : {asked, std::string_view("standard")}) {
    const bool known = candidate == asked;
    if (own != nullptr) {
      const auto found = own->policies.find(candidate);
      if (found != own->policies.end()) return {.rules = found->second, .known = known};
    }
    const auto found = recommended_.find(candidate);
    if (found != recommended_.end()) return {.rules = found->second, .known = known};
  }
  return {.rules = recommended_.begin()->second, .known = false};
}

std::shared_ptr<const v1::PolicySettings> RuleBook::SettingsOf(std::string_view tenant) const {
  absl::ReaderMutexLock lock(&mutex_);
  const Tenant* own = TenantOf(tenant);
  return own == nullptr || own->settings == nullptr ? standard_settings_ : own->settings;
}

ListAnswer RuleBook::AskLists(std::string_view tenant, const Subject& subject, const Owner& owner,
                              absl::Time now) const {
  absl::ReaderMutexLock lock(&mutex_);
  const Tenant* own = TenantOf(tenant);
  return own == nullptr ? ListAnswer{} : own->lists.Ask(subject, owner, now);
}

bool RuleBook::Blocks(std::string_view tenant) const {
  absl::ReaderMutexLock lock(&mutex_);
  const Tenant* own = TenantOf(tenant);
  return own != nullptr && own->lists.blocks();
}

}  // namespace cleanmail::policy
