#include "libs/directory/directory.h"

#include <algorithm>
#include <cstring>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "libs/base/cat.h"
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

// Made for a million addresses in little memory: an account's addresses stand in one allocation,
// and the table of addresses holds eight bytes for each.
struct Directory::Picture {
  struct Account {
    std::unique_ptr<char[]> text;  // addresses, lower case, each ended by NUL; the primary first
    uint32_t size = 0;             // 0: free
    uint32_t tenant = 0;           // index into tenant_names
  };
  struct Address {
    uint32_t account;
    uint32_t offset;
  };
  std::string_view TextOf(Address address) const {
    return accounts[address.account].text.get() + address.offset;
  }

  struct Hash {
    using is_transparent = void;
    const Picture* picture;
    size_t operator()(std::string_view text) const {
      return absl::HashOf(absl::string_view(text.data(), text.size()));
    }
    size_t operator()(Address address) const { return (*this)(picture->TextOf(address)); }
  };
  struct Equal {
    using is_transparent = void;
    const Picture* picture;
    std::string_view View(Address address) const { return picture->TextOf(address); }
    std::string_view View(std::string_view text) const { return text; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return View(a) == View(b);
    }
  };

  struct DomainEntry {
    std::string tenant;
    bool accounts_required = false;
  };

  void Apply(const provisioning::v1::DirectoryChanged& change);
  void SetTenant(const std::string& id, const provisioning::v1::Tenant* tenant);
  void SetUser(std::string_view tenant, std::string_view primary,
               const provisioning::v1::User* user);
  void RemoveAccount(uint32_t index);
  uint32_t TenantIndex(std::string_view tenant);

  bool complete = false;
  absl::flat_hash_map<std::string, provisioning::v1::Tenant> tenants;
  std::vector<std::string> tenant_names;
  absl::flat_hash_map<std::string, uint32_t> tenant_index;
  absl::flat_hash_map<std::string, DomainEntry> domains;
  absl::flat_hash_map<std::string, std::vector<std::string>> routes;  // by "tenant/domain"
  net::PrefixMap<std::vector<std::string>> networks;  // tenants that name the network
  std::vector<Account> accounts;
  std::vector<uint32_t> free_accounts;
  absl::flat_hash_set<Address, Hash, Equal> addresses{0, Hash{this}, Equal{this}};
};

uint32_t Directory::Picture::TenantIndex(std::string_view tenant) {
  const auto [it, added] =
      tenant_index.try_emplace(std::string(tenant), static_cast<uint32_t>(tenant_names.size()));
  if (added) tenant_names.emplace_back(tenant);
  return it->second;
}

void Directory::Picture::Apply(const provisioning::v1::DirectoryChanged& change) {
  const std::optional<Name> name = ParseName(change.name());
  if (!name.has_value()) return;  // a later version's resource
  if (name->collection.empty()) {
    SetTenant(std::string(name->tenant),
              change.has_tenant() && !change.deleted() ? &change.tenant() : nullptr);
  } else if (name->collection == "domains") {
    const std::string domain = Lower(name->id);
    if (change.deleted()) {
      domains.erase(domain);
    } else {
      domains[domain] = {.tenant = std::string(name->tenant),
                         .accounts_required = change.domain().recipient_mode() ==
                                              provisioning::v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED};
    }
  } else if (name->collection == "users") {
    SetUser(name->tenant, name->id,
            change.has_user() && !change.deleted() ? &change.user() : nullptr);
  } else if (name->collection == "routes") {
    const std::string key = base::Cat(name->tenant, "/", Lower(name->id));
    if (change.deleted()) {
      routes.erase(key);
    } else {
      routes[key] = {change.route().destinations().begin(), change.route().destinations().end()};
    }
  }
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

void Directory::Picture::RemoveAccount(uint32_t index) {
  const Account& account = accounts[index];
  for (uint32_t offset = 0; offset < account.size;) {
    const std::string_view text = account.text.get() + offset;
    const auto it = addresses.find(text);
    // An address another account has taken over meanwhile stays with it.
    if (it != addresses.end() && it->account == index) addresses.erase(it);
    offset += static_cast<uint32_t>(text.size()) + 1;
  }
  accounts[index] = {};
  free_accounts.push_back(index);
}

void Directory::Picture::SetUser(std::string_view tenant, std::string_view primary,
                                 const provisioning::v1::User* user) {
  const std::string lower = Lower(primary);
  const uint32_t owner = TenantIndex(tenant);
  if (const auto old = addresses.find(std::string_view(lower)); old != addresses.end()) {
    const Address address = *old;
    if (address.offset == 0 && accounts[address.account].tenant == owner)
      RemoveAccount(address.account);
  }
  if (user == nullptr) return;
  std::string text = lower + '\0';
  for (const std::string& alias : user->aliases()) text += Lower(alias) + '\0';

  uint32_t index = static_cast<uint32_t>(accounts.size());
  if (free_accounts.empty()) {
    accounts.emplace_back();
  } else {
    index = free_accounts.back();
    free_accounts.pop_back();
  }
  Account& account = accounts[index];
  account.text = std::make_unique<char[]>(text.size());
  std::memcpy(account.text.get(), text.data(), text.size());
  account.size = static_cast<uint32_t>(text.size());
  account.tenant = owner;
  for (uint32_t offset = 0; offset < account.size;) {
    const std::string_view address = account.text.get() + offset;
    if (const auto taken = addresses.find(address); taken != addresses.end())
      addresses.erase(taken);  // the newest wins
    addresses.insert(Address{.account = index, .offset = offset});
    offset += static_cast<uint32_t>(address.size()) + 1;
  }
}

Directory::Directory() : picture_(std::make_unique<Picture>()) {}
Directory::~Directory() = default;

void Directory::Apply(const provisioning::v1::DirectoryChanged& change) {
  absl::MutexLock lock(&mutex_);
  picture_->Apply(change);
}

void Directory::Complete() {
  absl::MutexLock lock(&mutex_);
  picture_->complete = true;
}

bool Directory::complete() const {
  absl::ReaderMutexLock lock(&mutex_);
  return picture_->complete;
}

void Directory::Clear() {
  auto fresh = std::make_unique<Picture>();
  absl::MutexLock lock(&mutex_);
  picture_.swap(fresh);
}

Recipient Directory::Find(std::string_view local, std::string_view domain) const {
  const std::string domain_key(domain);
  const std::string lower_local = Lower(local);
  const std::string address = base::Cat(lower_local, "@", domain);
  absl::ReaderMutexLock lock(&mutex_);
  if (!picture_->complete) return {};
  const auto entry = picture_->domains.find(domain_key);
  if (entry == picture_->domains.end())
    return {.standing = Recipient::Standing::kUnknownDomain, .tenant = {}, .account = {}};
  Recipient recipient{.standing = Recipient::Standing::kAccepted,
                      .tenant = entry->second.tenant,
                      .account = base::Cat(local, "@", domain)};
  if (const auto it = picture_->addresses.find(std::string_view(address));
      it != picture_->addresses.end()) {
    const Picture::Account& account = picture_->accounts[it->account];
    if (picture_->tenant_names[account.tenant] == recipient.tenant) {
      recipient.account = account.text.get();
      return recipient;
    }
  }
  if (entry->second.accounts_required && lower_local != "postmaster" && lower_local != "abuse") {
    recipient.standing = Recipient::Standing::kUnknownUser;
  }
  return recipient;
}

std::optional<std::string> Directory::TenantOfDomain(std::string_view domain) const {
  const std::string key(domain);
  absl::ReaderMutexLock lock(&mutex_);
  const auto it = picture_->domains.find(key);
  if (it == picture_->domains.end()) return std::nullopt;
  return it->second.tenant;
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
