#include "libs/mail/auth/spf/record.h"

#include <algorithm>
#include <optional>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/mail/auth/spf/macros.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::spf {
namespace {

constexpr std::string_view kVersion = "v=spf1";

struct Mechanism {
  std::string_view name;
  Kind kind;
};
constexpr Mechanism kMechanisms[] = {{"all", Kind::kAll}, {"include", Kind::kInclude},
                                     {"a", Kind::kA},     {"mx", Kind::kMx},
                                     {"ptr", Kind::kPtr}, {"ip4", Kind::kIp4},
                                     {"ip6", Kind::kIp6}, {"exists", Kind::kExists}};

absl::Status Bad(std::string_view what, std::string_view term) {
  return absl::InvalidArgumentError(base::Cat(what, ": ", base::Printable(term, 60)));
}

// "0" or up to `digits` digits without a leading zero, at most `most`.
std::optional<int> Prefix(std::string_view text, size_t digits, int most) {
  if (text.size() > digits || (text.size() > 1 && text[0] == '0')) return std::nullopt;
  const auto number = ParseNumber(text);
  if (!number.has_value() || *number > static_cast<uint64_t>(most)) return std::nullopt;
  return static_cast<int>(*number);
}

// Takes the dual-cidr-length off the end of `text` (§5.6). A slash may also stand within a macro or
// a name: only digits behind it make it a prefix length. False for one out of range.
bool TakePrefixes(std::string_view& text, Directive& directive) {
  const auto tail = [&text]() -> size_t {  // where "/digits" at the end begins
    const size_t slash = text.rfind('/');
    if (slash == text.npos || slash + 1 == text.size()) return text.npos;
    const auto digits = text.substr(slash + 1);
    return std::all_of(digits.begin(), digits.end(), &IsDigit) ? slash : text.npos;
  };
  size_t slash = tail();
  if (slash == text.npos) return true;
  if (slash > 0 && text[slash - 1] == '/') {
    const auto prefix = Prefix(text.substr(slash + 1), 3, 128);
    if (!prefix.has_value()) return false;
    directive.prefix6 = *prefix;
    text = text.substr(0, slash - 1);
    slash = tail();
    if (slash == text.npos) return true;
  }
  const auto prefix = Prefix(text.substr(slash + 1), 2, 32);
  if (!prefix.has_value()) return false;
  directive.prefix4 = *prefix;
  text = text.substr(0, slash);
  return true;
}

// `rest` is what follows "ip4" or "ip6".
absl::Status ReadNetwork(std::string_view rest, std::string_view term, Directive& directive) {
  if (!rest.starts_with(':')) return Bad("no address", term);
  rest.remove_prefix(1);
  const bool v6 = directive.kind == Kind::kIp6;
  if (const size_t slash = rest.find('/'); slash != rest.npos) {
    const auto prefix = Prefix(rest.substr(slash + 1), v6 ? 3 : 2, v6 ? 128 : 32);
    if (!prefix.has_value()) return Bad("no prefix length", term);
    (v6 ? directive.prefix6 : directive.prefix4) = *prefix;
    rest = rest.substr(0, slash);
  }
  const auto network = Address::Parse(rest);
  if (!network.has_value() || (rest.find(':') != rest.npos) != v6) return Bad("no address", term);
  directive.network = *network;
  if (v6 && !network->v6) {  // a mapped network is compared as IPv4
    if (directive.prefix6 < 96) return Bad("a mapped network wider than IPv4", term);
    directive.prefix4 = directive.prefix6 - 96;
  }
  return absl::OkStatus();
}

absl::Status ReadArgument(std::string_view rest, std::string_view term, Directive& directive) {
  switch (directive.kind) {
    case Kind::kAll:
      return rest.empty() ? absl::OkStatus() : Bad("all takes no argument", term);
    case Kind::kIp4:
    case Kind::kIp6:
      return ReadNetwork(rest, term, directive);
    case Kind::kA:
    case Kind::kMx:
      if (!TakePrefixes(rest, directive)) return Bad("no prefix length", term);
      break;
    case Kind::kPtr:
      break;
    case Kind::kInclude:
    case Kind::kExists:
      if (rest.empty()) return Bad("no domain", term);
      break;
  }
  if (rest.empty()) return absl::OkStatus();
  if (!rest.starts_with(':') || !IsDomainSpec(rest.substr(1))) return Bad("not a domain", term);
  directive.domain = rest.substr(1);
  return absl::OkStatus();
}

absl::StatusOr<Directive> ReadDirective(std::string_view term) {
  Directive directive{.text = std::string(term)};
  std::string_view rest = term;
  if (rest[0] == '+' || rest[0] == '-' || rest[0] == '?' || rest[0] == '~') {
    directive.qualifier = rest[0];
    rest.remove_prefix(1);
  }
  const std::string_view name = rest.substr(0, rest.find_first_of(":/"));
  const auto known =
      std::find_if(std::begin(kMechanisms), std::end(kMechanisms),
                   [name](const Mechanism& each) { return EqualsIgnoreCase(each.name, name); });
  if (known == std::end(kMechanisms)) return Bad("unknown mechanism", term);
  directive.kind = known->kind;
  CLEANMAIL_RETURN_IF_ERROR(ReadArgument(rest.substr(name.size()), term, directive));
  return directive;
}

bool IsModifierName(std::string_view name) {
  return !name.empty() && IsAlpha(name[0]) && std::all_of(name.begin(), name.end(), [](char c) {
    return IsAlnum(c) || c == '-' || c == '_' || c == '.';
  });
}

absl::Status ReadModifier(std::string_view name, std::string_view value, std::string_view term,
                          Record& record) {
  std::string* const target = EqualsIgnoreCase(name, "redirect") ? &record.redirect
                              : EqualsIgnoreCase(name, "exp")    ? &record.explanation
                                                                 : nullptr;
  if (target == nullptr)
    return IsMacroString(value, false) ? absl::OkStatus() : Bad("bad macro", term);
  if (!target->empty()) return Bad("said twice", term);
  if (!IsDomainSpec(value)) return Bad("not a domain", term);
  *target = value;
  return absl::OkStatus();
}

}  // namespace

bool IsRecord(std::string_view text) {
  return StartsWithIgnoreCase(text, kVersion) &&
         (text.size() == kVersion.size() || text[kVersion.size()] == ' ');
}

absl::StatusOr<Record> ParseRecord(std::string_view text) {
  if (!IsRecord(text)) return Bad("not an SPF record", text);
  Record record;
  for (const std::string_view term : Split(text.substr(kVersion.size()), ' ')) {
    if (term.empty()) continue;
    const size_t mark = term.find_first_of(":/=");
    if (mark != term.npos && term[mark] == '=' && IsModifierName(term.substr(0, mark))) {
      CLEANMAIL_RETURN_IF_ERROR(
          ReadModifier(term.substr(0, mark), term.substr(mark + 1), term, record));
      continue;
    }
    CLEANMAIL_ASSIGN_OR_RETURN(Directive directive, ReadDirective(term));
    record.directives.push_back(std::move(directive));
  }
  return record;
}

}  // namespace cleanmail::mail::auth::spf
