#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cleanmail::scanner::learning {

// What tokens are hashed with: each installation has its own, so that nobody outside can make words
// that fall on others' places.
using TokenKey = std::array<uint64_t, 2>;

// SipHash-2-4 (Aumasson, Bernstein 2012): the same for the same key, on every machine.
uint64_t HashOf(const TokenKey& key, std::string_view bytes);

// Of two tokens in that order, from their hashes.
constexpr uint64_t HashOfPair(uint64_t first, uint64_t second) {
  uint64_t mixed = (first ^ (second >> 29)) * 0x9E3779B97F4A7C15ULL + second;
  mixed ^= mixed >> 32;
  mixed *= 0xD6E8FEB86659FD93ULL;
  return mixed ^ (mixed >> 32);
}

}  // namespace cleanmail::scanner::learning
