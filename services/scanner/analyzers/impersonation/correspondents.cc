#include "services/scanner/analyzers/impersonation/correspondents.h"

#include <optional>

#include "libs/mail/address/domain.h"
#include "libs/mail/mime/encoded_word.h"
#include "libs/mail/mime/normalize.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kLongestName = 4000;
constexpr size_t kLongestField = 64 << 10;

std::string_view Trim(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
  }
  return lower;
}

// Goes through a field once, member by member.
class Reader {
 public:
  // `quoting`: quotes and parentheses mean what they should.
  explicit Reader(bool quoting) : quoting_(quoting) {}

  // Empty when a quote or comment has no end: then it is none.
  std::optional<std::vector<Correspondent>> Read(std::string_view text) && {
    for (size_t i = 0; i < text.size() && all_.size() < kMostCorrespondents; ++i) {
      if (text[i] == '\\' && (quoted_ || comments_ > 0) && i + 1 < text.size())
        Keep(text[++i]);
      else
        Take(text[i]);
    }
    if ((quoted_ || comments_ > 0) && all_.size() < kMostCorrespondents) return std::nullopt;
    Finish();
    return std::move(all_);
  }

 private:
  void Take(char c) {
    if (c == '"' && comments_ == 0 && quoting_) {
      quoted_ = !quoted_;
    } else if (quoted_) {
      Keep(c);
    } else if (quoting_ && (c == '(' || (c == ')' && comments_ > 0))) {
      comments_ += c == '(' ? 1 : -1;
      Keep(' ');
    } else if (comments_ > 0) {
      Keep(c);
    } else if (c == '<') {
      // A second one: the first is shown as a name.
      if (!angled_.empty()) words_ += angled_;
      angled_.clear();
      inside_ = true;
    } else if (c == '>') {
      inside_ = false;
    } else if ((c == ',' || c == ';') && !inside_) {
      Finish();
    } else {
      Keep(c);
    }
  }
  void Keep(char c) {
    std::string& kept = comments_ > 0 ? comment_ : inside_ ? angled_ : words_;
    if (kept.size() < kLongestName) kept += c;
  }
  void Finish() {
    Correspondent one;
    std::string address(Trim(angled_));
    std::string name(Trim(words_));
    if (address.empty()) {
      address = name;
      name = std::string(Trim(comment_));
    }
    words_.clear();
    angled_.clear();
    comment_.clear();
    if (address.empty() && name.empty()) return;
    one.name = mail::mime::DecodeWords(name);
    const size_t at = address.rfind('@');
    if (at != address.npos) {
      one.local = Lower(Trim(std::string_view(address).substr(0, at)));
      const auto domain =
          mail::address::NormalizeDomain(Trim(std::string_view(address).substr(at + 1)));
      if (domain.ok()) one.domain = *domain;
    } else if (one.name.empty()) {
      one.name = mail::mime::DecodeWords(address);  // a name without an address
    }
    all_.push_back(std::move(one));
  }

  std::vector<Correspondent> all_;
  std::string words_;
  std::string angled_;
  std::string comment_;
  const bool quoting_;
  bool quoted_ = false;
  bool inside_ = false;
  int comments_ = 0;
};

bool IsOfDomain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '-' || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}

}  // namespace

std::vector<Correspondent> ReadCorrespondents(std::string_view value) {
  value = value.substr(0, kLongestField);
  auto all = Reader(true).Read(value);
  if (!all.has_value()) all = Reader(false).Read(value);
  return all.has_value() ? *std::move(all) : std::vector<Correspondent>();
}

std::vector<std::string> DomainsInName(std::string_view name) {
  const std::string seen = mail::mime::Normalize(name.substr(0, kLongestName)).text;
  std::vector<std::string> domains;
  for (size_t at = seen.find('@'); at != seen.npos && domains.size() < kMostCorrespondents;
       at = seen.find('@', at + 1)) {
    size_t end = at + 1;
    while (end < seen.size() && IsOfDomain(seen[end])) ++end;
    std::string_view text = std::string_view(seen).substr(at + 1, end - at - 1);
    while (text.ends_with('.') || text.ends_with('-')) text.remove_suffix(1);
    if (at == 0 || text.find('.') == text.npos) continue;
    if (const auto domain = mail::address::NormalizeDomain(text); domain.ok())
      domains.push_back(*domain);
  }
  return domains;
}

}  // namespace cleanmail::scanner
