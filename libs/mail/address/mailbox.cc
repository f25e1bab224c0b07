#include "libs/mail/address/mailbox.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/utf8.h"

namespace cleanmail::mail::address {
namespace {

absl::Status Malformed(const char* why) { return absl::InvalidArgumentError(why); }

// RFC 5321 §4.1.2 atext (from RFC 5322 §3.2.3); bytes above ASCII are checked as UTF-8 afterwards.
bool IsAtomText(char c) {
  const auto byte = static_cast<unsigned char>(c);
  if (absl::ascii_isalnum(byte) || byte >= 0x80) return true;
  constexpr std::string_view kOthers = "!#$%&'*+-/=?^_`{|}~";
  return kOthers.find(c) != std::string_view::npos;
}

bool IsDotString(std::string_view local) {
  bool at_start = true;
  for (const char c : local) {
    if (c == '.' ? at_start : !IsAtomText(c)) return false;
    at_start = c == '.';
  }
  return !at_start;
}

// Reads a mailbox from the front of its text.
class Reader {
 public:
  Reader(std::string_view text, bool smtp_utf8) : text_(text), smtp_utf8_(smtp_utf8) {}

  absl::Status SkipSourceRoute() {
    if (!Peek('@')) return absl::OkStatus();
    while (Take('@')) {
      CLEANMAIL_RETURN_IF_ERROR(Domain().status());
      if (!Take(',')) break;
      if (!Peek('@')) return Malformed("the source route is malformed");
    }
    return Take(':') ? absl::OkStatus() : Malformed("the source route is malformed");
  }

  absl::StatusOr<std::string> Local() {
    CLEANMAIL_ASSIGN_OR_RETURN(std::string local, Peek('"') ? Quoted() : DotString());
    if (local.size() > kMaxLocalBytes) return Malformed("the local part is longer than 64 octets");
    if (!IsAscii(local)) {
      if (!smtp_utf8_) return Malformed("the address is not ASCII and SMTPUTF8 was not asked for");
      if (!IsPrintableUtf8(local)) return Malformed("the local part is not UTF-8");
    }
    return local;
  }

  absl::StatusOr<std::string> Domain() {
    if (Peek('[')) {
      const size_t end = text_.find(']', at_);
      if (end == std::string_view::npos) return Malformed("the address literal does not end");
      const std::string_view literal = text_.substr(at_, end + 1 - at_);
      at_ = end + 1;
      return NormalizeAddressLiteral(literal);
    }
    const size_t start = at_;
    while (at_ < text_.size() && IsDomainText(text_[at_])) ++at_;
    const std::string_view written = text_.substr(start, at_ - start);
    if (written.empty()) return Malformed("the domain is missing");
    if (written.ends_with('.')) return Malformed("the domain has an empty label");
    if (written.size() > kMaxDomainBytes) return Malformed("the domain is longer than 255 octets");
    if (!smtp_utf8_ && !IsAscii(written))
      return Malformed("the address is not ASCII and SMTPUTF8 was not asked for");
    return NormalizeDomain(written);
  }

  bool Peek(char c) const { return at_ < text_.size() && text_[at_] == c; }
  bool Take(char c) {
    if (!Peek(c)) return false;
    ++at_;
    return true;
  }
  size_t at() const { return at_; }
  bool done() const { return at_ == text_.size(); }

 private:
  // What a domain may hold; NormalizeDomain judges the rest.
  static bool IsDomainText(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return absl::ascii_isalnum(byte) || c == '-' || c == '.' || c == '_' || byte >= 0x80;
  }

  absl::StatusOr<std::string> Quoted() {
    Take('"');
    std::string local;
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c == '"')
        return local.empty() ? Malformed("the local part is empty")
                             : absl::StatusOr<std::string>(local);
      if (c == '\\') {
        if (at_ == text_.size()) break;
        c = text_[at_++];
      }
      const auto byte = static_cast<unsigned char>(c);
      if (byte < 0x20 || byte == 0x7f) return Malformed("the local part holds a control character");
      local += c;
    }
    return Malformed("the quoted local part does not end");
  }

  absl::StatusOr<std::string> DotString() {
    const size_t start = at_;
    while (at_ < text_.size() && (text_[at_] == '.' || IsAtomText(text_[at_]))) ++at_;
    const std::string_view local = text_.substr(start, at_ - start);
    if (local.empty())
      return Malformed("the local part is missing or holds a character that must be quoted");
    if (!IsDotString(local)) return Malformed("the local part has a dot where none may be");
    return std::string(local);
  }

  std::string_view text_;
  bool smtp_utf8_;
  size_t at_ = 0;
};

}  // namespace

bool Mailbox::needs_utf8() const { return !IsAscii(local) || !IsAscii(domain); }

absl::StatusOr<ParsedPath> ParsePath(std::string_view text, PathRules rules) {
  // Nothing beyond the longest path is looked at; a source route, dropped anyway, may double it.
  text = text.substr(0, 2 * kMaxPathBytes);
  if (rules.null_allowed && text.starts_with("<>")) return ParsedPath{.mailbox = {}, .length = 2};
  Reader reader(text, rules.smtp_utf8);
  if (!reader.Take('<')) return Malformed("the path does not begin with <");
  CLEANMAIL_RETURN_IF_ERROR(reader.SkipSourceRoute());
  const size_t start = reader.at();
  ParsedPath path;
  CLEANMAIL_ASSIGN_OR_RETURN(path.mailbox.local, reader.Local());
  if (!reader.Take('@')) {
    const bool postmaster = rules.postmaster_allowed && reader.Peek('>') &&
                            absl::EqualsIgnoreCase(path.mailbox.local, "postmaster");
    if (!postmaster) return Malformed("the address has no domain");
  } else {
    CLEANMAIL_ASSIGN_OR_RETURN(path.mailbox.domain, reader.Domain());
  }
  if (reader.at() - start + 2 > kMaxPathBytes)
    return Malformed("the path is longer than 256 octets");
  if (!reader.Take('>')) return Malformed("the path does not end with >");
  path.length = reader.at();
  return path;
}

absl::StatusOr<Mailbox> ParseMailbox(std::string_view text, bool smtp_utf8) {
  if (text.size() > kMaxPathBytes) return Malformed("the address is too long");
  Reader reader(text, smtp_utf8);
  Mailbox mailbox;
  CLEANMAIL_ASSIGN_OR_RETURN(mailbox.local, reader.Local());
  if (!reader.Take('@')) return Malformed("the address has no domain");
  CLEANMAIL_ASSIGN_OR_RETURN(mailbox.domain, reader.Domain());
  if (!reader.done()) return Malformed("something follows the address");
  return mailbox;
}

std::string ToText(const Mailbox& mailbox) {
  if (mailbox.is_null()) return {};
  std::string text;
  if (IsDotString(mailbox.local)) {
    text = mailbox.local;
  } else {
    text = "\"";
    for (const char c : mailbox.local) {
      if (c == '"' || c == '\\') text += '\\';
      text += c;
    }
    text += '"';
  }
  if (!mailbox.domain.empty()) text += base::Cat("@", mailbox.domain);
  return text;
}

}  // namespace cleanmail::mail::address
