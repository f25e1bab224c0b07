#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/net/prefix.h"
#include "libs/store/kv/kv_store.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::ingress {

struct GreylistOptions {
  absl::Duration delay = absl::Minutes(5);
  absl::Duration window = absl::Hours(48);
  absl::Duration remember = absl::Hours(24 * 36);
  int passes = 5;
  net::PrefixSet pass_networks = {};
  std::vector<std::string> pass_domains = {};  // A-labels, lower case
};

// Providers whose servers share a queue, so that a message comes again from another network.
std::vector<std::string> LargeProviders();

// Asks strangers to come again. Remembered are hashes of client network (IPv4 /24, IPv6 /64),
// sender and recipient, in kv; whatever kv does not answer lets mail pass. Thread-safe.
class Greylist {
 public:
  Greylist(GreylistOptions options, kv::KvStore& kv, const base::Clock& clock)
      : options_(std::move(options)), kv_(kv), clock_(clock) {}

  // Whether a client never waits: by its network, or by its name where that is confirmed.
  bool Spares(const net::IpAddress& client, const mail::v1::DoorFacts& facts) const;
  // Whether mail of `sender` to `recipient` shall come again later; of each recipient in order.
  // Blocks.
  std::vector<bool> Ask(const net::IpAddress& client, std::string_view sender,
                        const std::vector<std::string>& recipients) const;

 private:
  bool MustWait(const std::string& network, std::string_view sender,
                std::string_view recipient) const;

  const GreylistOptions options_;
  kv::KvStore& kv_;
  const base::Clock& clock_;
};

}  // namespace cleanmail::ingress
