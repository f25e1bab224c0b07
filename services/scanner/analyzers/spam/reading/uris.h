#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "libs/regex/regex.h"
#include "services/scanner/analyzers/spam/reading/domains.h"

namespace cleanmail::scanner::spam {

// A link as it stood in the text or the HTML, and what was made of it.
struct UriDetail {
  std::set<std::string> types;    // "parsed", "schemeless", "a", "img" …
  std::set<std::string> cleaned;  // the forms rules look at; the original is one of them
  std::set<std::string> domains;
  std::map<std::string, std::string> hosts;  // host to domain
  std::vector<std::string> anchor_texts;
  bool has_anchor = false;
};
using UriDetails = std::map<std::string, UriDetail>;

// Finds and canonicalises links.
class UriCollector {
 public:
  UriCollector(const Domains& domains, const std::vector<regex::Regex>& redirectors)
      : domains_(domains), redirectors_(redirectors) {}

  // Links in plain text as mail programs recognise them.
  void AddFromText(std::string_view text);
  // A link said to be one; false when nothing of it can be used.
  bool Add(const std::string& uri, const std::set<std::string>& types, bool needs_domain);
  void AddSigner(std::string_view domain);

  UriDetails& details() { return details_; }
  bool cut() const { return cut_; }

 private:
  struct Found;
  Found FindNext(std::string_view text, size_t from) const;
  // The link that begins at `begin`, if one does; `at_sign`: where the next one stands.
  Found At(std::string_view text, size_t begin, size_t at_sign) const;
  void AddFound(const Found& found);

  const Domains& domains_;
  const std::vector<regex::Regex>& redirectors_;
  UriDetails details_;
  std::set<std::string> seen_;
  bool cut_ = false;
};

// Escapes of printable characters read, others written.
std::string NormalizeEscapes(std::string_view uri);

// The forms in which a link is looked at: as it is, with its host and escapes normalised, the
// targets of redirectors in it.
std::set<std::string> CanonicalForms(std::string_view uri, const Domains& domains,
                                     const std::vector<regex::Regex>& redirectors);

}  // namespace cleanmail::scanner::spam
