#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "libs/crypto/hash.h"

namespace cleanmail::mail::auth::dkim {

// RFC 6376 §3.4.
enum class Canonical { kSimple, kRelaxed };

// One header field, raw with its name and line ends, in canonical form and ended by CRLF (§3.4.1,
// §3.4.2). A bare LF counts as CRLF, as stored mail may have it.
std::string CanonicalField(Canonical form, std::string_view raw);

// The hash of a body that comes in pieces (§3.4.3, §3.4.4); line ends as above. Takes the same
// memory however long the body is.
class BodyHash {
 public:
  // `limit`: bytes of the canonical body that count, of `l=` (§3.7).
  explicit BodyHash(Canonical form, std::optional<uint64_t> limit = std::nullopt)
      : form_(form), limit_(limit) {}

  void Add(std::string_view bytes);
  void Finish();

  // After Finish: SHA-256, raw; bytes of the whole canonical body.
  const std::string& hash() const { return hash_; }
  uint64_t canonical_bytes() const { return canonical_bytes_; }

  Canonical form() const { return form_; }
  std::optional<uint64_t> limit() const { return limit_; }

 private:
  void AddText(std::string_view text);
  void AddRelaxed(std::string_view text);
  void EndLine();
  void EmitPendingLineEnds();
  void Emit(std::string_view bytes);

  const Canonical form_;
  const std::optional<uint64_t> limit_;
  crypto::Sha256Stream stream_;
  std::string buffer_;
  std::string hash_;
  uint64_t canonical_bytes_ = 0;
  uint64_t line_ends_ = 0;  // not given out yet: they do not count at the end
  bool space_ = false;      // relaxed: white space not given out yet
  bool return_ = false;     // a CR at the end of the last piece
};

// The hashes that a message's signatures need, each computed once though several share it.
class BodyHashes {
 public:
  // How many different hashes are computed; each costs a pass over the body.
  static constexpr size_t kMost = 8;

  // Before the first Add. The place of the hash, or nullopt when there are too many.
  std::optional<size_t> Want(Canonical form, std::optional<uint64_t> limit);
  void Add(std::string_view bytes);
  void Finish();
  const BodyHash& at(size_t place) const { return hashes_[place]; }

 private:
  std::vector<BodyHash> hashes_;
};

}  // namespace cleanmail::mail::auth::dkim
