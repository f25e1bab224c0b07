#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/mail/auth/spf/address.h"

namespace cleanmail::mail::auth::spf {

enum class Kind { kAll, kInclude, kA, kMx, kPtr, kIp4, kIp6, kExists };

// One directive of a record (RFC 7208 §4.6.1, §5).
struct Directive {
  char qualifier = '+';  // + - ? ~
  Kind kind = Kind::kAll;
  std::string domain = {};  // the domain-spec with its macros; empty where none was written
  int prefix4 = 32;
  int prefix6 = 128;
  Address network = {};   // ip4, ip6
  std::string text = {};  // as written
};

// A record whose syntax is sound, all of it (RFC 7208 §4.6, §12).
struct Record {
  std::vector<Directive> directives = {};
  std::string redirect = {};  // domain-spec; empty without
  std::string explanation = {};
};

// Whether a TXT text is an SPF record: its version section (RFC 7208 §4.5).
bool IsRecord(std::string_view text);

// InvalidArgument with words about what is wrong, which hold at most 60 bytes of the text.
absl::StatusOr<Record> ParseRecord(std::string_view text);

}  // namespace cleanmail::mail::auth::spf
