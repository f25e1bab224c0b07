#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"

namespace cleanmail::directory {

// Whose an address is: made for a million addresses in little memory. An account's addresses stand
// in one allocation, the table of addresses holds eight bytes for each. Not thread-safe.
class Addresses {
 public:
  enum class Kind : uint8_t { kAccount, kDisabled, kObserved };
  struct Owner {
    std::string_view tenant;
    std::string_view primary;
    Kind kind;
  };

  Addresses() = default;
  Addresses(const Addresses&) = delete;
  Addresses& operator=(const Addresses&) = delete;

  // Replaces what was known of the account; the newest owner of an address has it. All addresses
  // in lower case.
  void Set(std::string_view tenant, std::string_view primary,
           const std::vector<std::string>& aliases, Kind kind, std::string_view policy);
  // Removes the account, if `observed` says what it is: a person's account is not ended by the end
  // of an observation.
  void Remove(std::string_view tenant, std::string_view primary, bool observed);
  // The views live until the next change.
  std::optional<Owner> Find(std::string_view address) const;
  // The policy of the account whose primary address this is; empty: none of its own.
  std::string_view PolicyOf(std::string_view tenant, std::string_view primary) const;

 private:
  struct Account {
    std::unique_ptr<char[]> text;  // addresses, each ended by NUL; the primary first; null: free
    uint32_t size = 0;
    uint32_t tenant_and_kind = 0;  // index into tenants_, four times; plus the kind
    uint32_t tenant() const { return tenant_and_kind >> 2; }
    Kind kind() const { return static_cast<Kind>(tenant_and_kind & 3); }
  };
  struct Address {
    uint32_t account;
    uint32_t offset;
  };
  std::string_view TextOf(Address address) const {
    return accounts_[address.account].text.get() + address.offset;
  }
  struct Hash {
    using is_transparent = void;
    const Addresses* all;
    size_t operator()(std::string_view text) const {
      return absl::HashOf(absl::string_view(text.data(), text.size()));
    }
    size_t operator()(Address address) const { return (*this)(all->TextOf(address)); }
  };
  struct Equal {
    using is_transparent = void;
    const Addresses* all;
    std::string_view View(Address address) const { return all->TextOf(address); }
    std::string_view View(std::string_view text) const { return text; }
    template <class A, class B>
    bool operator()(const A& a, const B& b) const {
      return View(a) == View(b);
    }
  };

  uint32_t TenantIndex(std::string_view tenant);
  // Index of the account of this tenant with this primary address.
  std::optional<uint32_t> IndexOf(std::string_view tenant, std::string_view primary) const;
  void RemoveAt(uint32_t index);

  std::vector<std::string> tenants_;
  absl::flat_hash_map<std::string, uint32_t> tenant_index_;
  std::vector<Account> accounts_;
  std::vector<uint32_t> free_;
  absl::flat_hash_map<uint32_t, std::string> policies_;  // only of accounts that have one
  absl::flat_hash_set<Address, Hash, Equal> table_{0, Hash{this}, Equal{this}};
};

}  // namespace cleanmail::directory
