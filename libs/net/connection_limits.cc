#include "libs/net/connection_limits.h"

namespace cleanmail::net {
namespace {

// One customer: an IPv4 address, an IPv6 /64.
IpAddress AddressKey(const IpAddress& peer) { return peer.is_v4() ? peer : peer.Masked(64); }
// One neighbourhood: an IPv4 /24, an IPv6 /48.
IpAddress NetworkKey(const IpAddress& peer) { return peer.Masked(peer.is_v4() ? 120 : 48); }

void Decrement(absl::flat_hash_map<IpAddress, int>& counts, const IpAddress& key) {
  const auto it = counts.find(key);
  if (it != counts.end() && --it->second == 0) counts.erase(it);
}

}  // namespace

ConnectionLimits::Admission ConnectionLimits::Admit(const IpAddress& peer) {
  absl::MutexLock lock(&mutex_);
  if (open_ >= options_.total) return {.verdict = Verdict::kTooMany, .ticket = {}};
  if (!options_.exempt.Contains(peer)) {
    const auto address = by_address_.find(AddressKey(peer));
    if (address != by_address_.end() && address->second >= options_.per_address) {
      return {.verdict = Verdict::kTooManyFromAddress, .ticket = {}};
    }
    const auto network = by_network_.find(NetworkKey(peer));
    if (network != by_network_.end() && network->second >= options_.per_network) {
      return {.verdict = Verdict::kTooManyFromNetwork, .ticket = {}};
    }
    ++by_address_[AddressKey(peer)];
    ++by_network_[NetworkKey(peer)];
  }
  ++open_;
  return {.verdict = Verdict::kAdmitted, .ticket = Ticket(this, peer)};
}

int64_t ConnectionLimits::open() const {
  absl::MutexLock lock(&mutex_);
  return open_;
}

void ConnectionLimits::Leave(const IpAddress& peer) {
  absl::MutexLock lock(&mutex_);
  --open_;
  if (options_.exempt.Contains(peer)) return;
  Decrement(by_address_, AddressKey(peer));
  Decrement(by_network_, NetworkKey(peer));
}

}  // namespace cleanmail::net
