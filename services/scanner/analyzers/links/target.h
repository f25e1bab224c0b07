#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace cleanmail::scanner {

// What a link points to, taken apart as browsers do (WHATWG URL): backslashes are slashes, what
// stands before the last at sign is no host, hosts may be percent-encoded or a number.
struct LinkTarget {
  std::string scheme;       // lower case
  std::string userinfo;     // what stands before an at sign; empty without one
  std::string host;         // lower case; A-labels where it is a domain; empty for data:, mailto:
  std::string written;      // the host as written
  bool is_address = false;  // an IP address in any of its spellings; `host` is then the usual one
  int port = 0;             // 0: none was given
  std::string path;         // from the slash on, without query and fragment
  std::string query;        // behind the question mark, without fragment
};

// nullopt: no scheme, or one with a host that cannot be read. At most 8,000 bytes are looked at.
std::optional<LinkTarget> ReadTarget(std::string_view link);

// The host a person would think he sees in `shown`, in A-labels: the whole text is a URL, or a
// domain with a path perhaps ("www.example.org/login"). nullopt: it is no such text.
std::optional<std::string> ShownHost(std::string_view shown);

// `%41` becomes `A`; malformed escapes stay.
std::string PercentDecoded(std::string_view text);

}  // namespace cleanmail::scanner
