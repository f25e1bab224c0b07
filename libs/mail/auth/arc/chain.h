#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/mail/auth/dkim/canonical.h"
#include "libs/mail/auth/dkim/key_record.h"
#include "libs/mail/auth/dkim/signature_field.h"
#include "libs/mail/auth/dkim/signed_text.h"
#include "libs/mail/auth/lookups.h"
#include "libs/mail/auth/results/authentication_results.h"

namespace cleanmail::mail::auth::arc {

inline constexpr int kMaxInstances = 50;  // RFC 8617 §4.2.1
inline constexpr size_t kMaxSealBytes = 16 * 1024;

// RFC 8617 §4.4: what a chain is worth.
enum class Status { kNone, kPass, kFail };
std::string_view ToText(Status status);

// An ARC-Seal (RFC 8617 §4.1.3).
struct Seal {
  int instance = 0;
  dkim::Algorithm algorithm = dkim::Algorithm::kRsaSha256;
  Status claimed = Status::kNone;  // cv=
  std::string domain = {};         // lower-case A-labels
  std::string selector = {};
  std::string signature = {};  // raw
  std::optional<uint64_t> made = std::nullopt;
};
// InvalidArgument in words; also for tags that §4.1.3 forbids.
absl::StatusOr<Seal> ParseSeal(std::string_view value);

// The instance of an ARC-Authentication-Results value, which begins with `i=`, and the rest of it;
// nullopt without one.
struct Instanced {
  int instance = 0;
  std::string_view rest = {};
};
std::optional<Instanced> ReadInstance(std::string_view value);

// One set of the chain.
struct Set {
  const mime::Field* results = nullptr;
  const mime::Field* message = nullptr;
  const mime::Field* seal = nullptr;
};

// The fields of a header sorted into sets 1..n, or why they are no chain (§5.2 steps 1 and 3).
struct Sets {
  std::vector<Set> list = {};
  std::string problem = {};
};
Sets ReadSets(const dkim::HeaderIndex& header);
// Whether a set may be added: not to a chain that is marked as failed (§5.1), nor to the longest.
bool MayBeSealed(const Sets& sets);

// The text under the seal of `list.back()`: the sets in order, relaxed, the last seal without its
// signature and last line end (§5.1.1).
std::string SealedText(const std::vector<Set>& list);

}  // namespace cleanmail::mail::auth::arc
