#pragma once

#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/net/address.h"

namespace cleanmail::net {

// A network: `192.0.2.0/24`, `2001:db8::/32`, or a single address. A value.
class Prefix {
 public:
  // CIDR text (RFC 4632). InvalidArgument for text that is not one, and for bits set behind the
  // length.
  static absl::StatusOr<Prefix> Parse(std::string_view text);

  bool Contains(const IpAddress& address) const { return address.Masked(bits_) == base_; }
  // Of 128: an IPv4 /24 is 120.
  int bits() const { return bits_; }
  const IpAddress& base() const { return base_; }
  std::string ToString() const;
  friend bool operator==(const Prefix&, const Prefix&) = default;

 private:
  Prefix(IpAddress base, int bits) : base_(base), bits_(bits) {}
  IpAddress base_;
  int bits_ = 128;
};

// Values by network; the narrowest network that holds an address wins. Not thread-safe while it
// changes.
template <class Value>
class PrefixMap {
 public:
  void Set(const Prefix& prefix, Value value) {
    by_bits_[prefix.bits()][prefix.base()] = std::move(value);
  }
  void Remove(const Prefix& prefix) {
    const auto it = by_bits_.find(prefix.bits());
    if (it == by_bits_.end()) return;
    it->second.erase(prefix.base());
    if (it->second.empty()) by_bits_.erase(it);
  }
  // Null when no network holds the address. Valid until the map changes.
  const Value* Find(const IpAddress& address) const {
    for (const auto& [bits, values] : by_bits_) {
      const auto it = values.find(address.Masked(bits));
      if (it != values.end()) return &it->second;
    }
    return nullptr;
  }
  // The value of this very network, null when it has none.
  const Value* FindExact(const Prefix& prefix) const {
    const auto it = by_bits_.find(prefix.bits());
    if (it == by_bits_.end()) return nullptr;
    const auto value = it->second.find(prefix.base());
    return value == it->second.end() ? nullptr : &value->second;
  }
  bool empty() const { return by_bits_.empty(); }

 private:
  std::map<int, absl::flat_hash_map<IpAddress, Value>, std::greater<int>>
      by_bits_;  // narrowest first
};

// A list of networks.
class PrefixSet {
 public:
  PrefixSet() = default;
  // InvalidArgument naming the text that is not a network.
  static absl::StatusOr<PrefixSet> Parse(std::span<const std::string> texts);
  void Add(const Prefix& prefix) { prefixes_.Set(prefix, true); }
  bool Contains(const IpAddress& address) const { return prefixes_.Find(address) != nullptr; }
  bool empty() const { return prefixes_.empty(); }

 private:
  PrefixMap<bool> prefixes_;
};

}  // namespace cleanmail::net
