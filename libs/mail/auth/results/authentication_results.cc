#include "libs/mail/auth/results/authentication_results.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::results {
namespace {

constexpr std::string_view kTokenSpecials = "()<>@,;:\\\"/[]?=";  // RFC 2045 §5.1

bool IsTokenChar(char c) {
  return c > 0x20 && c < 0x7F && kTokenSpecials.find(c) == kTokenSpecials.npos;
}
bool IsKeywordChar(char c) { return IsAlnum(c) || c == '-' || c == '_'; }
// What a property's value may be made of besides tokens: addresses, base64, paths.
bool IsValueChar(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte > 0x20 && byte != 0x7F && c != ';' && c != '(' && c != ')' && c != '"';
}

bool IsPlain(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte >= 0x20 && byte != 0x7F;
}

absl::Status Bad() { return absl::InvalidArgumentError("not a list of authentication results"); }

class Reader {
 public:
  explicit Reader(std::string_view text) : rest_(text) {}

  // Comments and folding white space; comments nest. False: a comment without an end.
  bool SkipSpace() {
    size_t depth = 0;
    size_t i = 0;
    for (; i < rest_.size(); ++i) {
      const char c = rest_[i];
      if (depth > 0 && c == '\\') {
        ++i;
      } else if (c == '(') {
        ++depth;
      } else if (depth > 0 && c == ')') {
        --depth;
      } else if (depth == 0 && !IsSpace(c)) {
        break;
      }
    }
    rest_.remove_prefix(std::min(i, rest_.size()));
    return depth == 0;
  }
  bool Take(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  template <class Fits>
  std::string_view TakeWhile(Fits fits) {
    size_t i = 0;
    while (i < rest_.size() && fits(rest_[i])) ++i;
    const std::string_view taken = rest_.substr(0, i);
    rest_.remove_prefix(i);
    return taken;
  }
  // A quoted-string, or a run of characters that fit. False: a quote without an end.
  template <class Fits>
  bool TakeValue(Fits fits, std::string& value) {
    if (!Take('"')) {
      value += TakeWhile(fits);
      return true;
    }
    size_t i = 0;
    for (; i < rest_.size() && rest_[i] != '"'; ++i) {
      if (rest_[i] == '\\' && i + 1 < rest_.size()) ++i;
      if (IsPlain(rest_[i])) value += rest_[i];
    }
    if (i >= rest_.size()) return false;
    rest_.remove_prefix(i + 1);
    return true;
  }
  bool done() const { return rest_.empty(); }
  char front() const { return rest_.empty() ? '\0' : rest_.front(); }

 private:
  std::string_view rest_;
};

// "=" and a value, with space around.
absl::StatusOr<std::string> ReadAssigned(Reader& reader) {
  if (!reader.SkipSpace() || !reader.Take('=') || !reader.SkipSpace()) return Bad();
  std::string value;
  const bool quoted = reader.front() == '"';
  if (!reader.TakeValue(&IsValueChar, value) || (value.empty() && !quoted)) return Bad();
  if (quoted && reader.front() == '@') value += reader.TakeWhile(&IsValueChar);
  return value;
}

absl::Status ReadProperty(Reader& reader, std::string_view first, MethodResult& result) {
  if (first == "reason" && result.reason.empty() && result.properties.empty()) {
    CLEANMAIL_ASSIGN_OR_RETURN(result.reason, ReadAssigned(reader));
    return absl::OkStatus();
  }
  if (result.properties.size() >= kMaxProperties) return Bad();
  Property property{.type = Lower(first), .name = {}, .value = {}};
  if (!reader.SkipSpace() || !reader.Take('.') || !reader.SkipSpace()) return Bad();
  property.name = Lower(reader.TakeWhile([](char c) { return IsKeywordChar(c) || c == '.'; }));
  if (property.name.empty()) return Bad();
  CLEANMAIL_ASSIGN_OR_RETURN(property.value, ReadAssigned(reader));
  result.properties.push_back(std::move(property));
  return absl::OkStatus();
}

// Behind a semicolon and space, at the method.
absl::StatusOr<MethodResult> ReadResult(Reader& reader) {
  MethodResult result;
  result.method = Lower(reader.TakeWhile(&IsKeywordChar));
  if (result.method.empty() || !reader.SkipSpace()) return Bad();
  if (reader.Take('/')) {
    if (!reader.SkipSpace() || reader.TakeWhile(&IsDigit) != "1" || !reader.SkipSpace())
      return Bad();
  }
  if (!reader.Take('=') || !reader.SkipSpace()) return Bad();
  result.result = Lower(reader.TakeWhile(&IsKeywordChar));
  if (result.result.empty()) return Bad();
  while (true) {
    if (!reader.SkipSpace()) return Bad();
    if (reader.done() || reader.front() == ';') return result;
    const std::string_view word = reader.TakeWhile(&IsKeywordChar);
    if (word.empty()) return Bad();
    CLEANMAIL_RETURN_IF_ERROR(ReadProperty(reader, Lower(word), result));
  }
}

std::string Quoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (!IsPlain(c)) continue;
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted += '"';
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), &IsTokenChar);
}

std::string ValueText(std::string_view value) {
  return IsToken(value) ? std::string(value) : Quoted(value);
}

// A property may also be an address or a domain as they are.
std::string PropertyText(std::string_view value) {
  const size_t at = value.rfind('@');
  if (at == value.npos) return ValueText(value);
  const std::string_view local = value.substr(0, at), domain = value.substr(at + 1);
  if (!IsToken(domain)) return Quoted(value);
  return base::Cat(local.empty() ? "" : ValueText(local), "@", domain);
}

std::string CommentText(std::string_view text) {
  std::string comment = " (";
  for (const char c : text) {
    if (!IsPlain(c)) continue;
    if (c == '(' || c == ')' || c == '\\') comment += '\\';
    comment += c;
  }
  return comment += ')';
}

}  // namespace

std::string ToFieldValue(const AuthenticationResults& results) {
  std::string text = ValueText(results.authserv_id);
  if (results.results.empty()) return text += "; none";
  for (const MethodResult& result : results.results) {
    text += base::Cat(";\r\n\t", result.method, "=", result.result);
    if (!result.comment.empty()) text += CommentText(result.comment);
    if (!result.reason.empty()) text += base::Cat(" reason=", Quoted(result.reason));
    for (const Property& property : result.properties)
      text += base::Cat("\r\n\t ", property.type, ".", property.name, "=",
                        PropertyText(property.value));
  }
  return text;
}

absl::StatusOr<AuthenticationResults> Parse(std::string_view value) {
  if (value.size() > kMaxFieldBytes) return Bad();
  Reader reader(value);
  AuthenticationResults parsed;
  if (!reader.SkipSpace() || !reader.TakeValue(&IsTokenChar, parsed.authserv_id)) return Bad();
  if (parsed.authserv_id.empty() || !reader.SkipSpace()) return Bad();
  const std::string_view version = reader.TakeWhile(&IsDigit);
  if ((!version.empty() && version != "1") || !reader.SkipSpace()) return Bad();
  while (reader.Take(';')) {
    if (!reader.SkipSpace()) return Bad();
    if (reader.done()) break;  // a semicolon at the end, as many write it
    Reader ahead = reader;
    if (EqualsIgnoreCase(ahead.TakeWhile(&IsKeywordChar), "none") && ahead.SkipSpace() &&
        ahead.done()) {
      if (!parsed.results.empty()) return Bad();
      return parsed;
    }
    CLEANMAIL_ASSIGN_OR_RETURN(MethodResult result, ReadResult(reader));
    if (parsed.results.size() >= kMaxResults) return Bad();
    parsed.results.push_back(std::move(result));
  }
  if (!reader.done()) return Bad();
  return parsed;
}

std::string AuthservIdOf(std::string_view value) {
  Reader reader(value);
  std::string id;
  if (!reader.SkipSpace() || !reader.TakeValue(&IsTokenChar, id)) return "";
  return id;
}

bool IsForged(const mime::Field& field, std::span<const std::string> own_ids) {
  if (!EqualsIgnoreCase(field.name, kFieldName)) return false;
  std::string id = AuthservIdOf(field.raw_value());
  if (id.ends_with('.')) id.pop_back();
  return id.empty() || std::any_of(own_ids.begin(), own_ids.end(), [&](const std::string& own) {
           return EqualsIgnoreCase(id, own);
         });
}

}  // namespace cleanmail::mail::auth::results
