#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cleanmail::base {

// Gives random bytes fit for ids, jitter and keys. Thread-safe.
class Random {
 public:
  virtual ~Random() = default;
  virtual void Fill(std::span<std::byte> bytes) = 0;

  // A number below `bound` (bound > 0), near enough to uniform for jitter.
  uint64_t Below(uint64_t bound) {
    uint64_t value = 0;
    Fill(std::as_writable_bytes(std::span(&value, 1)));
    return value % bound;
  }
};

// The kernel's random numbers.
class SystemRandom final : public Random {
 public:
  void Fill(std::span<std::byte> bytes) override;
};

}  // namespace cleanmail::base
