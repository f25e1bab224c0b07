#include "libs/directory/addresses.h"

#include <cstring>

namespace cleanmail::directory {

uint32_t Addresses::TenantIndex(std::string_view tenant) {
  const auto [it, added] =
      tenant_index_.try_emplace(std::string(tenant), static_cast<uint32_t>(tenants_.size()));
  if (added) tenants_.emplace_back(tenant);
  return it->second;
}

std::optional<uint32_t> Addresses::IndexOf(std::string_view tenant,
                                           std::string_view primary) const {
  const auto it = table_.find(primary);
  if (it == table_.end() || it->offset != 0) return std::nullopt;
  if (tenants_[accounts_[it->account].tenant()] != tenant) return std::nullopt;
  return it->account;
}

void Addresses::RemoveAt(uint32_t index) {
  const Account& account = accounts_[index];
  for (uint32_t offset = 0; offset < account.size;) {
    const std::string_view text = account.text.get() + offset;
    const auto it = table_.find(text);
    // An address another account has taken over meanwhile stays with it.
    if (it != table_.end() && it->account == index) table_.erase(it);
    offset += static_cast<uint32_t>(text.size()) + 1;
  }
  accounts_[index] = {};
  policies_.erase(index);
  free_.push_back(index);
}

void Addresses::Set(std::string_view tenant, std::string_view primary,
                    const std::vector<std::string>& aliases, Kind kind, std::string_view policy) {
  if (const auto old = IndexOf(tenant, primary); old.has_value()) {
    const bool was_account = accounts_[*old].kind() != Kind::kObserved;
    if (kind == Kind::kObserved && was_account) return;  // a person knows better
    RemoveAt(*old);
  }
  size_t size = primary.size() + 1;
  for (const std::string& alias : aliases) size += alias.size() + 1;
  uint32_t index = static_cast<uint32_t>(accounts_.size());
  if (free_.empty()) {
    accounts_.emplace_back();
  } else {
    index = free_.back();
    free_.pop_back();
  }
  Account& account = accounts_[index];
  account.text = std::make_unique<char[]>(size);  // zeroed: each address is ended
  account.size = static_cast<uint32_t>(size);
  account.tenant_and_kind = TenantIndex(tenant) << 2 | static_cast<uint32_t>(kind);
  char* to = account.text.get();
  std::memcpy(to, primary.data(), primary.size());
  to += primary.size() + 1;
  for (const std::string& alias : aliases) {
    std::memcpy(to, alias.data(), alias.size());
    to += alias.size() + 1;
  }
  for (uint32_t offset = 0; offset < account.size;) {
    const std::string_view address = account.text.get() + offset;
    if (const auto taken = table_.find(address); taken != table_.end()) table_.erase(taken);
    table_.insert(Address{.account = index, .offset = offset});
    offset += static_cast<uint32_t>(address.size()) + 1;
  }
  if (!policy.empty()) policies_[index] = std::string(policy);
}

void Addresses::Remove(std::string_view tenant, std::string_view primary, bool observed) {
  const auto index = IndexOf(tenant, primary);
  if (index.has_value() && (accounts_[*index].kind() == Kind::kObserved) == observed)
    RemoveAt(*index);
}

std::optional<Addresses::Owner> Addresses::Find(std::string_view address) const {
  const auto it = table_.find(address);
  if (it == table_.end()) return std::nullopt;
  const Account& account = accounts_[it->account];
  return Owner{
      .tenant = tenants_[account.tenant()], .primary = account.text.get(), .kind = account.kind()};
}

std::string_view Addresses::PolicyOf(std::string_view tenant, std::string_view primary) const {
  if (policies_.empty()) return {};
  const auto index = IndexOf(tenant, primary);
  if (!index.has_value()) return {};
  const auto it = policies_.find(*index);
  return it == policies_.end() ? std::string_view() : std::string_view(it->second);
}

}  // namespace cleanmail::directory
