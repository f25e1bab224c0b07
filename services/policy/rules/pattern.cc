#include "services/policy/rules/pattern.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/mailbox.h"
#include "re2/re2.h"

namespace cleanmail::policy {
namespace {

// What one compiled expression may take; the rest of RE2's default is for caches nobody needs here.
constexpr int64_t kExpressionBytes = 256 << 10;

bool IsWild(char c) { return c == '*' || c == '?'; }

absl::Status CheckLength(std::string_view pattern) {
  if (pattern.size() <= kLongestPattern) return absl::OkStatus();
  return absl::InvalidArgumentError(
      base::Cat("a pattern has at most ", kLongestPattern, " bytes, this one ", pattern.size()));
}

absl::StatusOr<std::shared_ptr<const re2::RE2>> Compile(const std::string& expression) {
  re2::RE2::Options options;
  options.set_case_sensitive(false);
  options.set_log_errors(false);
  options.set_dot_nl(true);
  options.set_never_capture(true);
  options.set_max_mem(kExpressionBytes);
  auto compiled = std::make_shared<const re2::RE2>(expression, options);
  if (!compiled->ok())
    return absl::InvalidArgumentError(
        base::Cat("not a regular expression: ", base::Printable(compiled->error(), 200)));
  return compiled;
}

std::string GlobExpression(std::string_view lowered) {
  std::string expression = "^";
  for (size_t at = 0; at < lowered.size();) {
    if (lowered[at] == '*') {
      expression += ".*";
      ++at;
    } else if (lowered[at] == '?') {
      expression += ".";
      ++at;
    } else {
      const size_t end = std::min(lowered.find_first_of("*?", at), lowered.size());
      const std::string_view literal = lowered.substr(at, end - at);
      expression += re2::RE2::QuoteMeta(re2::StringPiece(literal.data(), literal.size()));
      at = end;
    }
  }
  return expression + "$";
}

}  // namespace

std::string Lower(std::string_view text) {
  std::string lowered(text);
  for (char& c : lowered) c = absl::ascii_tolower(static_cast<unsigned char>(c));
  return lowered;
}

std::string_view DomainOf(std::string_view address) {
  const size_t at = address.rfind('@');
  return at == std::string_view::npos ? std::string_view{} : address.substr(at + 1);
}

absl::StatusOr<TextPattern> TextPattern::Glob(std::string_view pattern) {
  CLEANMAIL_RETURN_IF_ERROR(CheckLength(pattern));
  const std::string lowered = Lower(pattern);
  const std::string_view view = lowered;
  const auto wild = std::ranges::count_if(view, IsWild);
  const std::string source(pattern);
  if (view == "*") return TextPattern(Kind::kAll, "", source);
  if (wild == 0) return TextPattern(Kind::kExact, lowered, source);
  if (wild == 1 && view.back() == '*')
    return TextPattern(Kind::kPrefix, std::string(view.substr(0, view.size() - 1)), source);
  if (wild == 1 && view.front() == '*')
    return TextPattern(Kind::kSuffix, std::string(view.substr(1)), source);
  if (wild == 2 && view.size() > 2 && view.front() == '*' && view.back() == '*')
    return TextPattern(Kind::kContains, std::string(view.substr(1, view.size() - 2)), source);
  TextPattern compiled(Kind::kExpression, "", source);
  CLEANMAIL_ASSIGN_OR_RETURN(compiled.expression_, Compile(GlobExpression(view)));
  return compiled;
}

absl::StatusOr<TextPattern> TextPattern::Contains(std::string_view part) {
  CLEANMAIL_RETURN_IF_ERROR(CheckLength(part));
  return TextPattern(part.empty() ? Kind::kAll : Kind::kContains, Lower(part), std::string(part));
}

absl::StatusOr<TextPattern> TextPattern::Regex(std::string_view expression) {
  CLEANMAIL_RETURN_IF_ERROR(CheckLength(expression));
  TextPattern compiled(Kind::kExpression, "", std::string(expression));
  CLEANMAIL_ASSIGN_OR_RETURN(compiled.expression_, Compile(std::string(expression)));
  return compiled;
}

bool TextPattern::Matches(std::string_view lowered) const {
  switch (kind_) {
    case Kind::kAll:
      return true;
    case Kind::kExact:
      return lowered == literal_;
    case Kind::kPrefix:
      return lowered.starts_with(literal_);
    case Kind::kSuffix:
      return lowered.ends_with(literal_);
    case Kind::kContains:
      return lowered.find(literal_) != std::string_view::npos;
    case Kind::kExpression:
      return re2::RE2::PartialMatch(re2::StringPiece(lowered.data(), lowered.size()),
                                    *expression_);
  }
  return false;
}

absl::StatusOr<AddressPattern> AddressPattern::Parse(std::string_view pattern) {
  AddressPattern parsed;
  if (pattern.empty())
    return absl::InvalidArgumentError("an address, a domain, *.domain or <> is needed");
  CLEANMAIL_RETURN_IF_ERROR(CheckLength(pattern));
  if (pattern == "<>") {
    parsed.normal_ = "<>";
    return parsed;
  }
  const bool below = pattern.starts_with("*.");
  const std::string_view rest = below ? pattern.substr(2) : pattern;
  if (std::ranges::any_of(rest, IsWild)) {
    CLEANMAIL_ASSIGN_OR_RETURN(parsed.glob_, TextPattern::Glob(pattern));
    parsed.kind_ = Kind::kGlob;
    parsed.normal_ = Lower(pattern);
    return parsed;
  }
  if (!below && rest.find('@') != std::string_view::npos) {
    CLEANMAIL_ASSIGN_OR_RETURN(const mail::address::Mailbox mailbox,
                               mail::address::ParseMailbox(rest));
    parsed.kind_ = Kind::kAddress;
    parsed.normal_ = Lower(ToText(mailbox));
    return parsed;
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string domain, mail::address::NormalizeDomain(rest));
  parsed.kind_ = below ? Kind::kBelow : Kind::kDomain;
  parsed.normal_ = below ? base::Cat("*.", domain) : domain;
  return parsed;
}

bool AddressPattern::Matches(std::string_view address, std::string_view domain) const {
  switch (kind_) {
    case Kind::kNull:
      return address.empty();
    case Kind::kAddress:
      return address == normal_;
    case Kind::kDomain:
      return domain == normal_;
    case Kind::kBelow:
      return domain.ends_with(std::string_view(normal_).substr(1));
    case Kind::kGlob:
      return glob_->Matches(address);
  }
  return false;
}

}  // namespace cleanmail::policy
