#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/mail/auth/spf/address.h"

namespace cleanmail::mail::auth::spf {

// What macro letters stand for (RFC 7208 §7.2).
struct MacroValues {
  std::string sender;          // s; l and o are its parts
  std::string domain;          // d
  Address client = {};         // i, v, c
  std::string helo = {};       // h
  std::string validated = {};  // p: "unknown" or a validated name
  std::string receiver = {};   // r, explanations only
  int64_t now_seconds = 0;     // t, explanations only
};

// Whether a macro-string is written as §7.1 says; the letters c, r and t count as errors outside
// explanations, spaces are allowed in explanations only.
bool IsMacroString(std::string_view text, bool explanation);
// Whether it also ends as a domain-spec must: in a macro or a top label.
bool IsDomainSpec(std::string_view text);
// Whether expanding it needs %{p}.
bool NeedsValidatedName(std::string_view text);

// The expansion of a text for which IsMacroString holds.
std::string Expand(std::string_view text, const MacroValues& values);
// The same as a name to look up: names over 253 bytes lose labels on the left (§7.3).
std::string ExpandDomain(std::string_view text, const MacroValues& values);

}  // namespace cleanmail::mail::auth::spf
