#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace cleanmail::crypto {

inline constexpr size_t kSha256Bytes = 32;

// SHA-256 (FIPS 180-4) of `bytes`: 32 raw bytes / 64 lower-case hex digits.
std::string Sha256(std::string_view bytes);
std::string Sha256Hex(std::string_view bytes);

// SHA-256 of bytes that come in pieces. Movable; not thread-safe.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(Sha256Stream&& other) noexcept;
  Sha256Stream& operator=(Sha256Stream&& other) noexcept;

  void Add(std::string_view bytes);
  // 32 raw bytes; once, after the last Add.
  std::string Finish();

 private:
  evp_md_ctx_st* context_;
};

// HMAC-SHA256 (RFC 2104): 32 raw bytes.
std::string HmacSha256(std::string_view key, std::string_view bytes);

// HKDF with SHA-256 (RFC 5869): `length` (at most 8160) bytes that depend on all three and tell
// nothing of `secret`.
std::string Hkdf(std::string_view secret, std::string_view salt, std::string_view info,
                 size_t length);

// Whether two texts are equal, in a time that depends on their lengths only.
bool EqualInConstantTime(std::string_view a, std::string_view b);

// Overwrites a secret that is no longer needed, in a way the compiler keeps, and empties it.
void Wipe(std::string& secret);

}  // namespace cleanmail::crypto
