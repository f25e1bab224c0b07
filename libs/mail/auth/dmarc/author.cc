#include "libs/mail/auth/dmarc/author.h"

#include <algorithm>

#include "libs/mail/address/domain.h"
#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dmarc {
namespace {

// Where a comment or quoted string that begins at `at` ends: behind its last character; npos
// without an end. Comments nest.
size_t EndOfQuoted(std::string_view text, size_t at) {
  const bool comment = text[at] == '(';
  size_t depth = 1;
  for (size_t i = at + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (comment && text[i] == '(') {
      ++depth;
    } else if (text[i] == (comment ? ')' : '"') && --depth == 0) {
      return i + 1;
    }
  }
  return text.npos;
}

// The addresses of a From value, without comments and display names. False: not understood.
bool ReadAddresses(std::string_view text, std::vector<std::string>& addresses) {
  std::string word;    // what stands outside angle brackets
  std::string angled;  // what stood within them
  bool inside = false, had_angle = false;
  const auto finish = [&] {
    const std::string address = had_angle ? angled : std::string(Trim(word));
    word.clear(), angled.clear();
    had_angle = false;
    if (address.empty()) return true;  // empty members of a list are allowed of old
    addresses.push_back(address);
    return addresses.size() <= kMaxAuthors;
  };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '(' || c == '"') {
      const size_t end = EndOfQuoted(text, i);
      if (end == text.npos) return false;
      if (c == '"') (inside ? angled : word) += text.substr(i, end - i);
      i = end - 1;
    } else if (inside) {
      if (c == '<' || (c == '>' && angled.empty())) return false;
      if (c == '>')
        inside = false;
      else if (!IsSpace(c))
        angled += c;
    } else if (c == '<') {
      if (had_angle) return false;
      inside = had_angle = true;
    } else if (c == '>') {
      return false;
    } else if (c == ',' || c == ';') {
      if (!finish()) return false;
    } else if (c == ':') {
      word.clear();  // the name of a group
    } else {
      word += c;
    }
  }
  return !inside && finish();
}

}  // namespace

Author ReadAuthor(const mime::HeaderBlock& header) {
  Author author;
  bool sound = true;
  for (const mime::Field& field : header.fields()) {
    if (!EqualsIgnoreCase(field.name, "from")) continue;
    ++author.fields;
    std::vector<std::string> addresses;
    sound = ReadAddresses(field.raw_value(), addresses) && sound;
    for (const std::string& address : addresses) {
      const size_t at = address.rfind('@');
      const auto domain =
          at == address.npos
              ? absl::InvalidArgumentError("no domain")
              : address::NormalizeDomain(Trim(std::string_view(address).substr(at + 1)));
      if (!domain.ok()) {
        sound = false;
        continue;
      }
      if (std::find(author.domains.begin(), author.domains.end(), *domain) == author.domains.end())
        author.domains.push_back(*domain);
    }
  }
  author.readable = sound && author.fields == 1 && !author.domains.empty();
  return author;
}

}  // namespace cleanmail::mail::auth::dmarc
