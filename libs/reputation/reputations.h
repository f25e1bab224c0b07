#pragma once

#include <string>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/net/address.h"
#include "libs/store/kv/kv_store.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::reputation {

// Unless the operator says otherwise.
inline constexpr absl::Duration kDefaultHalfLife = absl::Hours(24 * 7);

// What became of clients' mail, by address and by network (IPv4 /24, IPv6 /64), in kv. What was
// seen counts half after each half-life; two notes at the same moment may count as one.
// Thread-safe; calls block where kv waits for another process.
class Reputations {
 public:
  enum class Event { kGood, kSpam, kRefused };

  Reputations(absl::Duration half_life, kv::KvStore& kv, const base::Clock& clock)
      : half_life_(half_life), kv_(kv), clock_(clock) {}

  void Note(const net::IpAddress& client, Event event, double count = 1) const;
  // Into `facts`: address_reputation and network_reputation, where something is remembered.
  void Recall(const net::IpAddress& client, mail::v1::DoorFacts& facts) const;
  bool waits() const { return kv_.waits(); }

 private:
  absl::StatusOr<mail::v1::Reputation> Read(const std::string& key) const;
  void Add(const std::string& key, Event event, double count) const;

  const absl::Duration half_life_;
  kv::KvStore& kv_;
  const base::Clock& clock_;
};

// What a scan says of its client: spam or not by what was found in the message, without what was
// remembered of the client, which would feed itself.
Reputations::Event EventOf(const mail::v1::ScanResult& scan);

}  // namespace cleanmail::reputation
