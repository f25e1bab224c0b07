#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "libs/net/address.h"
#include "libs/net/prefix.h"

namespace cleanmail::net {

// How many connections may be open at once: in all, from one address (IPv6: one /64), from one
// network (IPv4 /24, IPv6 /48). Thread-safe.
class ConnectionLimits {
 public:
  struct Options {
    int total = 20000;
    int per_address = 50;
    int per_network = 250;
    PrefixSet exempt = {};  // the two limits by address and network do not hold for these
  };
  enum class Verdict { kAdmitted, kTooMany, kTooManyFromAddress, kTooManyFromNetwork };

  // Counts one connection until destroyed. Movable. Must not outlive its ConnectionLimits.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), peer_(other.peer_) {}
    Ticket& operator=(Ticket&& other) noexcept {
      std::swap(limits_, other.limits_);
      std::swap(peer_, other.peer_);
      return *this;
    }
    ~Ticket() {
      if (limits_ != nullptr) limits_->Leave(peer_);
    }

   private:
    friend class ConnectionLimits;
    Ticket(ConnectionLimits* limits, const IpAddress& peer) : limits_(limits), peer_(peer) {}
    ConnectionLimits* limits_ = nullptr;
    IpAddress peer_;
  };
  struct Admission {
    Verdict verdict = Verdict::kAdmitted;
    Ticket ticket = {};  // counts only if admitted
  };

  explicit ConnectionLimits(Options options) : options_(std::move(options)) {}

  Admission Admit(const IpAddress& peer);
  int64_t open() const;

 private:
  void Leave(const IpAddress& peer);
  const Options options_;
  mutable absl::Mutex mutex_;
  int64_t open_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::flat_hash_map<IpAddress, int> by_address_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<IpAddress, int> by_network_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::net
