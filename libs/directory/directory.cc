#include "libs/directory/directory.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "libs/base/cat.h"
#include "libs/directory/addresses.h"
#include "libs/net/prefix.h"

namespace cleanmail::directory {
namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

// `tenants/{tenant}` or `tenants/{tenant}/{collection}/{id}`.
struct Name {
  std::string_view tenant;
  std::string_view collection;  // empty: the tenant itself
  std::string_view id;          // may hold slashes: a local part may
};
std::optional<Name> ParseName(std::string_view text) {
  if (!text.starts_with("tenants/")) return std::nullopt;
  text.remove_prefix(8);
  const size_t first = text.find('/');
  if (first == std::string_view::npos) return Name{.tenant = text, .collection = {}, .id = {}};
  const size_t second = text.find('/', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  return Name{.tenant = text.substr(0, first),
              .collection = text.substr(first + 1, second - first - 1),
              .id = text.substr(second + 1)};
}

}  // namespace

struct Directory::Picture {
  struct Group {
    int32_t rank = 0;
    std::string policy;
    std::vector<std::string> members;  // lower case
  };

  void Apply(const provisioning::v1::DirectoryChanged& change);
  void SetTenant(const std::string& id, const provisioning::v1::Tenant* tenant);
  void SetRelays(const std::string& domain, const provisioning::v1::Domain& said);
  void SetGroup(std::string_view tenant, std::string_view id, const provisioning::v1::Group* group);
  // The domain an alias stands for, or the domain itself; null when the target is not there.
  const DomainFacts* TargetOf(const DomainFacts& facts) const;

  bool complete = false;
  absl::flat_hash_map<std::string, provisioning::v1::Tenant> tenants;
  absl::flat_hash_map<std::string, DomainFacts> domains;
  std::map<std::string, std::set<std::string>, std::less<>> domains_of;  // by tenant
  absl::flat_hash_map<std::string, net::PrefixSet> relays;               // of domains that have any
  absl::flat_hash_map<std::string, std::vector<std::string>> routes;     // by "tenant/domain"
  net::PrefixMap<std::vector<std::string>> networks;  // tenants that name the network
  // By "tenant/group", only those with a policy; their members by "tenant/address".
  absl::flat_hash_map<std::string, Group> groups;
  absl::flat_hash_map<std::string, std::vector<std::string>> groups_of;
  Addresses addresses;
};

namespace {

DomainFacts ToFacts(std::string_view tenant, const provisioning::v1::Domain& domain) {
  DomainFacts facts{.tenant = std::string(tenant),
                    .live = domain.state() != provisioning::v1::DOMAIN_STATE_STAGED,
                    .recipient_mode = domain.recipient_mode(),
                    .monitor_only = domain.monitor_only(),
                    .delivery_off = domain.delivery_off(),
                    .queue_life = std::nullopt,
                    .policy = domain.policy(),
                    .alias_of = Lower(domain.alias_of())};
  if (domain.has_queue_life()) {
    facts.queue_life = absl::Seconds(domain.queue_life().seconds()) +
                       absl::Nanoseconds(domain.queue_life().nanos());
  }
  return facts;
}

std::vector<std::string> LowerAll(const google::protobuf::RepeatedPtrField<std::string>& texts) {
  std::vector<std::string> lower;
  lower.reserve(static_cast<size_t>(texts.size()));
  for (const std::string& text : texts) lower.push_back(Lower(text));
  return lower;
}

}  // namespace

void Directory::Picture::Apply(const provisioning::v1::DirectoryChanged& change) {
  const std::optional<Name> name = ParseName(change.name());
  if (!name.has_value()) return;  // a partner, or a later version's resource
  const bool gone = change.deleted();
  if (name->collection.empty()) {
    SetTenant(std::string(name->tenant), change.has_tenant() && !gone ? &change.tenant() : nullptr);
  } else if (name->collection == "domains") {
    const std::string domain = Lower(name->id);
    if (!gone) {
      DomainFacts& facts = domains[domain];
      if (!facts.tenant.empty()) domains_of[facts.tenant].erase(domain);
      facts = ToFacts(name->tenant, change.domain());
      domains_of[facts.tenant].insert(domain);
      SetRelays(domain, change.domain());
    } else if (const auto it = domains.find(domain);
               it != domains.end() && it->second.tenant == name->tenant) {
      domains_of[it->second.tenant].erase(domain);
      domains.erase(it);
      relays.erase(domain);
    }
  } else if (name->collection == "users") {
    if (gone || !change.has_user()) {
      addresses.Remove(name->tenant, Lower(name->id), false);
    } else {
      const provisioning::v1::User& user = change.user();
      addresses.Set(name->tenant, Lower(name->id), LowerAll(user.aliases()),
                    user.disabled() ? Addresses::Kind::kDisabled : Addresses::Kind::kAccount,
                    user.policy());
    }
  } else if (name->collection == "observedAddresses") {
    if (gone) {
      addresses.Remove(name->tenant, Lower(name->id), true);
    } else {
      addresses.Set(name->tenant, Lower(name->id), {}, Addresses::Kind::kObserved, "");
    }
  } else if (name->collection == "groups") {
    SetGroup(name->tenant, name->id, change.has_group() && !gone ? &change.group() : nullptr);
  } else if (name->collection == "routes") {
    const std::string key = base::Cat(name->tenant, "/", Lower(name->id));
    if (gone) {
      routes.erase(key);
    } else {
      routes[key] = {change.route().destinations().begin(), change.route().destinations().end()};
    }
  }
}

void Directory::Picture::SetRelays(const std::string& domain,
                                   const provisioning::v1::Domain& said) {
  relays.erase(domain);
  for (const std::string& network : said.trusted_relays()) {
    // Provisioning refuses what is none; nobody is trusted for it.
    if (const auto prefix = net::Prefix::Parse(network); prefix.ok()) relays[domain].Add(*prefix);
  }
}

void Directory::Picture::SetGroup(std::string_view tenant, std::string_view id,
                                  const provisioning::v1::Group* group) {
  const std::string key = base::Cat(tenant, "/", id);
  if (const auto old = groups.find(key); old != groups.end()) {
    for (const std::string& member : old->second.members) {
      const auto it = groups_of.find(base::Cat(tenant, "/", member));
      if (it == groups_of.end()) continue;
      std::erase(it->second, id);
      if (it->second.empty()) groups_of.erase(it);
    }
    groups.erase(old);
  }
  if (group == nullptr || group->policy().empty()) return;
  const Group& kept = groups
                          .emplace(key, Group{.rank = group->rank(),
                                              .policy = group->policy(),
                                              .members = LowerAll(group->members())})
                          .first->second;
  for (const std::string& member : kept.members)
    groups_of[base::Cat(tenant, "/", member)].emplace_back(id);
}

const DomainFacts* Directory::Picture::TargetOf(const DomainFacts& facts) const {
  if (facts.alias_of.empty()) return &facts;
  const auto it = domains.find(facts.alias_of);
  // One step only, and only within the tenant: provisioning refuses the rest.
  if (it == domains.end() || it->second.tenant != facts.tenant) return nullptr;
  return &it->second;
}

void Directory::Picture::SetTenant(const std::string& id, const provisioning::v1::Tenant* tenant) {
  if (const auto old = tenants.find(id); old != tenants.end()) {
    for (const std::string& network : old->second.sending_networks()) {
      const auto prefix = net::Prefix::Parse(network);
      if (!prefix.ok()) continue;
      const std::vector<std::string>* owners = networks.FindExact(*prefix);
      if (owners == nullptr) continue;
      std::vector<std::string> left = *owners;
      std::erase(left, id);
      if (left.empty()) {
        networks.Remove(*prefix);
      } else {
        networks.Set(*prefix, std::move(left));
      }
    }
    tenants.erase(old);
  }
  if (tenant == nullptr) return;
  for (const std::string& network : tenant->sending_networks()) {
    const auto prefix = net::Prefix::Parse(network);
    if (!prefix.ok()) continue;  // provisioning refuses such; nobody is trusted for it
    const std::vector<std::string>* owners = networks.FindExact(*prefix);
    std::vector<std::string> all = owners == nullptr ? std::vector<std::string>() : *owners;
    std::erase(all, id);
    all.push_back(id);
    networks.Set(*prefix, std::move(all));
  }
  tenants.emplace(id, *tenant);
}

Directory::Directory() : picture_(std::make_unique<Picture>()) {}
Directory::~Directory() = default;

void Directory::Apply(const provisioning::v1::DirectoryChanged& change) {
  absl::MutexLock lock(&mutex_);
  picture_->Apply(change);
  version_.fetch_add(1, std::memory_order_release);
}

void Directory::Complete() {
  absl::MutexLock lock(&mutex_);
  picture_->complete = true;
  version_.fetch_add(1, std::memory_order_release);
}

bool Directory::complete() const {
  absl::ReaderMutexLock lock(&mutex_);
  return picture_->complete;
}

void Directory::Clear() {
  auto fresh = std::make_unique<Picture>();
  absl::MutexLock lock(&mutex_);
  picture_.swap(fresh);
  version_.fetch_add(1, std::memory_order_release);
}

std::string Directory::AccountOf(std::string_view address) const {
  const size_t at = address.rfind('@');
  if (at == std::string_view::npos) return std::string(address);
  const std::string account = Find(address.substr(0, at), address.substr(at + 1)).account;
  return account.empty() ? std::string(address) : Lower(account);
}

Recipient Directory::Find(std::string_view local, std::string_view domain) const {
  using Standing = Recipient::Standing;
  const std::string domain_key(domain);
  const std::string lower_local = Lower(local);
  absl::ReaderMutexLock lock(&mutex_);
  if (!picture_->complete) return {};
  const auto entry = picture_->domains.find(domain_key);
  if (entry == picture_->domains.end())
    return {.standing = Standing::kUnknownDomain, .tenant = {}, .account = {}};
  const DomainFacts* target = picture_->TargetOf(entry->second);
  const std::string_view home =
      entry->second.alias_of.empty() ? domain : std::string_view(entry->second.alias_of);
  Recipient recipient{.standing = Standing::kAccepted,
                      .tenant = entry->second.tenant,
                      .account = base::Cat(local, "@", home)};
  const auto owner = picture_->addresses.Find(base::Cat(lower_local, "@", home));
  const bool known = owner.has_value() && owner->tenant == recipient.tenant;
  if (known) recipient.account = owner->primary;
  if (!entry->second.live || target == nullptr || !target->live) {
    recipient.standing = Standing::kStaged;
  } else if (lower_local == "postmaster" || lower_local == "abuse" ||
             target->recipient_mode == provisioning::v1::RECIPIENT_MODE_ANY ||
             target->recipient_mode == provisioning::v1::RECIPIENT_MODE_UNSPECIFIED) {
    recipient.standing = Standing::kAccepted;
  } else if (known) {
    recipient.standing =
        owner->kind == Addresses::Kind::kDisabled ? Standing::kUnknownUser : Standing::kAccepted;
  } else {
    recipient.standing = target->recipient_mode == provisioning::v1::RECIPIENT_MODE_CALL_OUT
                             ? Standing::kAskDestination
                             : Standing::kUnknownUser;
  }
  return recipient;
}

std::optional<DomainFacts> Directory::FindDomain(std::string_view domain) const {
  const std::string key(domain);
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = picture_->domains.find(key);
  if (it == picture_->domains.end()) return std::nullopt;
  DomainFacts facts = it->second;
  if (const DomainFacts* target = picture_->TargetOf(facts); target != nullptr)
    facts.recipient_mode = target->recipient_mode;
  return facts;
}

std::vector<Assignment> Directory::PoliciesOf(std::string_view tenant, std::string_view account,
                                              std::string_view domain) const {
  const std::string lower = Lower(account);
  const std::string member = base::Cat(tenant, "/", lower);
  const std::string domain_key(domain);
  std::vector<Assignment> all;
  absl::ReaderMutexLock lock(&mutex_);
  if (const std::string_view own = picture_->addresses.PolicyOf(tenant, lower); !own.empty())
    all.push_back({.scope = "user", .policy = std::string(own)});
  if (const auto it = picture_->groups_of.find(member); it != picture_->groups_of.end()) {
    std::vector<std::pair<int32_t, std::string>> ranked;
    for (const std::string& id : it->second)
      ranked.emplace_back(picture_->groups.at(base::Cat(tenant, "/", id)).rank, id);
    std::ranges::sort(ranked);
    for (const auto& [rank, id] : ranked) {
      all.push_back({.scope = base::Cat("group/", id),
                     .policy = picture_->groups.at(base::Cat(tenant, "/", id)).policy});
    }
  }
  const auto entry = picture_->domains.find(domain_key);
  if (entry != picture_->domains.end() && entry->second.tenant == tenant) {
    const DomainFacts* target = picture_->TargetOf(entry->second);
    const bool own = !entry->second.policy.empty() || target == nullptr;
    const std::string& policy = own ? entry->second.policy : target->policy;
    if (!policy.empty()) all.push_back({.scope = "domain", .policy = policy});
  }
  const auto owner = picture_->tenants.find(std::string(tenant));
  if (owner != picture_->tenants.end() && !owner->second.policy().empty())
    all.push_back({.scope = "tenant", .policy = owner->second.policy()});
  return all;
}

std::string Directory::PartnerOf(std::string_view tenant) const {
  constexpr std::string_view kPrefix = "partners/";
  const std::string key(tenant);
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = picture_->tenants.find(key);
  if (it == picture_->tenants.end() || !it->second.partner().starts_with(kPrefix)) return {};
  return it->second.partner().substr(kPrefix.size());
}

std::vector<std::string> Directory::DomainsOf(std::string_view tenant) const {
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = picture_->domains_of.find(tenant);
  if (it == picture_->domains_of.end()) return {};
  return {it->second.begin(), it->second.end()};
}

std::optional<std::string> Directory::TenantOfDomain(std::string_view domain) const {
  const std::string key(domain);
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = picture_->domains.find(key);
  if (it == picture_->domains.end()) return std::nullopt;
  return it->second.tenant;
}

bool Directory::IsRelayFor(const net::IpAddress& client,
                           const std::vector<std::string>& recipients) const {
  absl::ReaderMutexLock lock(&mutex_);
  if (picture_->relays.empty()) return false;
  for (const std::string& recipient : recipients) {
    std::string domain = Lower(std::string_view(recipient).substr(recipient.rfind('@') + 1));
    const auto entry = picture_->domains.find(domain);
    if (entry != picture_->domains.end() && !entry->second.alias_of.empty())
      domain = entry->second.alias_of;
    const auto relays = picture_->relays.find(domain);
    if (relays == picture_->relays.end() || !relays->second.Contains(client)) return false;
  }
  return !recipients.empty();
}

std::optional<std::string> Directory::TenantOfSender(std::string_view address) const {
  const absl::StatusOr<net::IpAddress> parsed = net::IpAddress::Parse(address);
  if (!parsed.ok()) return std::nullopt;
  absl::ReaderMutexLock lock(&mutex_);
  const std::vector<std::string>* owners = picture_->networks.Find(*parsed);
  // A network two tenants claim is nobody's: guessing would send one's mail in the other's name.
  if (owners == nullptr || owners->size() != 1) return std::nullopt;
  return owners->front();
}

std::vector<std::string> Directory::RouteOf(std::string_view tenant,
                                            std::string_view domain) const {
  const std::string key = base::Cat(tenant, "/", domain);
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = picture_->routes.find(key);
  return it == picture_->routes.end() ? std::vector<std::string>() : it->second;
}

std::optional<provisioning::v1::Tenant> Directory::FindTenant(std::string_view tenant) const {
  const std::string key(tenant);
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = picture_->tenants.find(key);
  if (it == picture_->tenants.end()) return std::nullopt;
  return it->second;
}

void Directory::SetOrigin(std::function<bool(const std::string& tenant)> has_tenant) {
  origin_has_tenant_ = std::move(has_tenant);
}

bool Directory::AwaitTenant(std::string_view tenant, absl::Duration patience) const {
  const std::string key(tenant);
  const auto known = [this, &key]() ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return picture_->tenants.contains(key);
  };
  {
    absl::ReaderMutexLock lock(&mutex_);
    if (known()) return true;
  }
  if (!origin_has_tenant_ || !origin_has_tenant_(key)) return false;
  absl::ReaderMutexLock lock(&mutex_);
  return mutex_.AwaitWithTimeout(absl::Condition(&known), patience);
}

std::vector<std::string> Directory::TenantsOfPartner(std::string_view partner) const {
  std::vector<std::string> ids;
  {
    absl::ReaderMutexLock lock(&mutex_);
    for (const auto& [id, tenant] : picture_->tenants) {
      if (tenant.partner() == partner) ids.push_back(id);
    }
  }
  std::ranges::sort(ids);
  return ids;
}

}  // namespace cleanmail::directory
