#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "libs/mail/auth/lookups.h"

namespace cleanmail::mail::auth::spf {

// RFC 7208 §2.6.
enum class Result { kNone, kNeutral, kPass, kFail, kSoftfail, kTemperror, kPermerror };

// As in Received-SPF and Authentication-Results: "none", "neutral", ...
std::string_view ToText(Result result);

inline constexpr int kMaxTerms = 10;     // terms that ask the DNS (RFC 7208 §4.6.4)
inline constexpr int kMaxVoidTerms = 2;  // of them, terms to which the DNS had nothing to say
inline constexpr size_t kMaxMxNames = 10;
inline constexpr size_t kMaxPtrNames = 10;

// Who connects and as whom.
struct Query {
  std::string client;         // IP address of the client, text
  std::string helo;           // as given
  std::string sender;         // MAIL FROM without brackets; empty: postmaster@helo (§2.4)
  std::string receiver = {};  // %{r}: this gateway's name
  int64_t now_seconds = 0;    // %{t}
};

struct Verdict {
  Result result = Result::kNone;
  std::string domain = {};       // the one whose record was judged
  std::string mechanism = {};    // what decided, as written; through includes: "include:a > ip4:b".
                                 // "default" when nothing matched
  std::string explanation = {};  // of the sending domain, on fail (§6.2); US-ASCII, at most 500
                                 // bytes; untrusted words
  std::string problem = {};      // what was wrong, on temperror and permerror
  int terms = 0;                 // that asked the DNS
};

// check_host() (RFC 7208 §4) over what `lookups` knows; nullopt while it waits for answers. For the
// HELO identity (§2.3) leave sender empty. Linear in the record's size for each round of answers;
// at most about 30 rounds, however hostile the records.
std::optional<Verdict> CheckHost(const Query& query, Lookups& lookups);

}  // namespace cleanmail::mail::auth::spf
