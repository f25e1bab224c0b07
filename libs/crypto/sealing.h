#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/random.h"

namespace cleanmail::crypto {

inline constexpr size_t kKeyBytes = 32;
inline constexpr size_t kTagBytes = 16;
inline constexpr size_t kChunkBytes = 64 * 1024;  // plaintext in a chunk of a body

// A new key.
std::string NewKey(base::Random& random);

// Seals `key` (any secret) under `master` (32 bytes) so that only Unwrap with the same `context`
// opens it. Random nonce: at most 2^32 wraps under one master (SP 800-38D §8.3).
std::string Wrap(base::Random& random, std::string_view master, std::string_view key,
                 std::string_view context);
// DataLoss: not what Wrap made, or another master or context.
absl::StatusOr<std::string> Unwrap(std::string_view master, std::string_view wrapped,
                                   std::string_view context);

// Seals one body in chunks (the STREAM construction over AES-256-GCM): a chunk opens only under its
// number and only as the last or not the last, so chunks left out, cut off, swapped or repeated are
// noticed. Never seal two bodies under one key. Not thread-safe.
class ChunkSealer {
 public:
  explicit ChunkSealer(std::string_view key);  // 32 bytes
  ChunkSealer(ChunkSealer&&) noexcept;
  ~ChunkSealer();
  // Appends the sealed chunk to `out`: kTagBytes longer than `plain`.
  void Seal(uint32_t number, bool last, std::string_view plain, std::string& out);

 private:
  struct Cipher;
  std::unique_ptr<Cipher> cipher_;
};

// Opens what ChunkSealer made. Not thread-safe.
class ChunkOpener {
 public:
  explicit ChunkOpener(std::string_view key);  // 32 bytes
  ~ChunkOpener();
  // Appends the chunk's plaintext to `out`. DataLoss: not this chunk; `out` is then as it was.
  absl::Status Open(uint32_t number, bool last, std::string_view sealed, std::string& out);

 private:
  struct Cipher;
  std::unique_ptr<Cipher> cipher_;
};

}  // namespace cleanmail::crypto
