#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/mail/mime/header_block.h"

namespace cleanmail::mail::auth::results {

// One property of a result, as `header.d=example.org` (RFC 8601 §2.2).
struct Property {
  std::string type;   // smtp, header, body, policy
  std::string name;   // mailfrom, d, ...
  std::string value;  // without quotes
  friend bool operator==(const Property&, const Property&) = default;
};

// What one method said.
struct MethodResult {
  std::string method;  // spf, dkim, dmarc, arc, auth, iprev
  std::string result;  // pass, fail, ...
  std::string reason = {};
  std::string comment = {};  // written in parentheses behind the result; not read back
  std::vector<Property> properties = {};
  friend bool operator==(const MethodResult&, const MethodResult&) = default;
};

// An Authentication-Results field (RFC 8601).
struct AuthenticationResults {
  std::string authserv_id;
  std::vector<MethodResult> results = {};  // empty: "none"
  friend bool operator==(const AuthenticationResults&, const AuthenticationResults&) = default;
};

inline constexpr std::string_view kFieldName = "Authentication-Results";
inline constexpr size_t kMaxFieldBytes = 64 * 1024;
inline constexpr size_t kMaxResults = 100;
inline constexpr size_t kMaxProperties = 50;  // of one result

// The field's value, folded, one result a line; values are quoted where the grammar wants it, bytes
// that no field may hold are left out.
std::string ToFieldValue(const AuthenticationResults& results);

// Reads a value by the grammar of §2.2, comments and folds anywhere. Method and result in lower
// case. Knows only version 1. InvalidArgument for anything else: half a field is never believed.
absl::StatusOr<AuthenticationResults> Parse(std::string_view value);

// The authserv-id alone, as far as it can be read from a field however broken; empty without one.
std::string AuthservIdOf(std::string_view value);

// Whether a field, in a message from outside, must be removed (§5): an Authentication-Results that
// claims one of `own_ids` (case and a final dot do not matter), or whose id cannot be read at all.
bool IsForged(const mime::Field& field, std::span<const std::string> own_ids);

}  // namespace cleanmail::mail::auth::results
