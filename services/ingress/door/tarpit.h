#pragma once

#include <atomic>
#include <utility>

#include "absl/time/time.h"
#include "libs/net/prefix.h"

namespace cleanmail::ingress {

struct TarpitOptions {
  int free_errors = 2;
  absl::Duration first = absl::Seconds(1);
  absl::Duration longest = absl::Seconds(20);
  int sessions = 500;
  net::PrefixSet pass_networks = {};
};

// How long sessions that err are held up, and how many at once. Thread-safe.
class Tarpit {
 public:
  explicit Tarpit(TarpitOptions options) : options_(std::move(options)) {}

  // A session's place among those held up, until destroyed. Movable.
  class Place {
   public:
    Place() = default;
    Place(Place&& other) noexcept : held_(std::exchange(other.held_, nullptr)) {}
    Place& operator=(Place&& other) noexcept {
      std::swap(held_, other.held_);
      return *this;
    }
    ~Place() {
      if (held_ != nullptr) held_->fetch_sub(1);
    }
    explicit operator bool() const { return held_ != nullptr; }

   private:
    friend class Tarpit;
    explicit Place(std::atomic<int>* held) : held_(held) {}
    std::atomic<int>* held_ = nullptr;
  };

  // How long the answer to a client waits after so many errors; zero: not at all.
  absl::Duration DelayAfter(int errors, const net::IpAddress& client) const;
  // None when as many as may be are held up.
  Place Enter();

 private:
  const TarpitOptions options_;
  std::atomic<int> held_{0};
};

}  // namespace cleanmail::ingress
