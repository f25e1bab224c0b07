#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/auth/dkim/canonical.h"
#include "libs/mail/mime/header_block.h"

namespace cleanmail::mail::auth::dkim {

// A header by names, as signatures choose fields: from the bottom, each once (RFC 6376 §5.4.2).
// The header must outlive it.
class HeaderIndex {
 public:
  explicit HeaderIndex(const mime::HeaderBlock& header);

  // The fields that a list of names (lower case) chooses, in canonical form, each with its CRLF.
  // Names that choose nothing add nothing: that is what oversigning is.
  std::string Signed(Canonical form, std::span<const std::string> names) const;
  // Names that the RFC allows once (RFC 5322 §3.6, MIME) of which the message has more fields than
  // the list chooses: what a reader is shown may then not be what was signed (RFC 6376 §8.15).
  std::vector<std::string> UnsignedCopies(std::span<const std::string> names) const;
  // From the top.
  const std::vector<const mime::Field*>& Named(std::string_view name) const;

 private:
  std::map<std::string, std::vector<const mime::Field*>, std::less<>> fields_;
};

}  // namespace cleanmail::mail::auth::dkim
