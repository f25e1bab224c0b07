#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace cleanmail::mail::address {

// An address as SMTP means it (RFC 5321 §4.1.2), free of quoting: `"j\ doe"@Example.ORG` is local
// `j doe`, domain `example.org`. Percent signs, exclamation marks and the like in the local part
// are plain characters: no source routing is read out of them, and nothing here ever goes to a
// shell.
struct Mailbox {
  std::string local;  // as written, unquoted; UTF-8 when SMTPUTF8 was in force
  std::string
      domain;  // lower-case A-labels, or an address literal in brackets; empty for the two below

  // The null reverse-path `<>`.
  bool is_null() const { return local.empty() && domain.empty(); }
  // `<Postmaster>` without a domain (RFC 5321 §4.5.1): this gateway's own.
  bool is_bare_postmaster() const { return domain.empty() && !local.empty(); }
  // Whether only a server that offers SMTPUTF8 can take it (RFC 6531).
  bool needs_utf8() const;

  friend bool operator==(const Mailbox&, const Mailbox&) = default;
};

inline constexpr size_t kMaxLocalBytes = 64;    // RFC 5321 §4.5.3.1.1
inline constexpr size_t kMaxDomainBytes = 255;  // §4.5.3.1.2
inline constexpr size_t kMaxPathBytes = 256;    // §4.5.3.1.3, with the angle brackets

struct PathRules {
  bool smtp_utf8 = false;           // UTF-8 in local part and domain (RFC 6531 §3.3)
  bool null_allowed = false;        // `<>`
  bool postmaster_allowed = false;  // `<Postmaster>`
};

struct ParsedPath {
  Mailbox mailbox;
  size_t length = 0;  // bytes of the text that were the path, angle brackets included
};

// The path at the start of `text`: `<local@domain>`, with a source route read and dropped (RFC 5321
// appendix C). What follows the
// `>` is the caller's. InvalidArgument says in words what is wrong; the words contain none of the
// text.
absl::StatusOr<ParsedPath> ParsePath(std::string_view text, PathRules rules);

// `local@domain` without angle brackets, all of `text`.
absl::StatusOr<Mailbox> ParseMailbox(std::string_view text, bool smtp_utf8 = true);

// The form to put between angle brackets: quoted where needed; ParseMailbox gives the same mailbox
// back. Empty for the null path.
std::string ToText(const Mailbox& mailbox);

}  // namespace cleanmail::mail::address
