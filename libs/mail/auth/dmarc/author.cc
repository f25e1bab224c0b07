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

// Takes a From value apart into addresses, without comments and display names.
class FromReader {
 public:
  // False: not by the grammar; the addresses are then what could be made out.
  bool Read(std::string_view text);
  const std::vector<std::string>& addresses() const { return addresses_; }

 private:
  void Finish();
  void TakeChar(char c);

  std::vector<std::string> addresses_;
  std::string word_;    // what stands outside angle brackets
  std::string angled_;  // what stood within them
  bool inside_ = false;
  bool had_angle_ = false;
  bool sound_ = true;
};

// The end of a list's member. Words without an address are what a comma in an unquoted name leaves:
// common, and nobody's address.
void FromReader::Finish() {
  std::string address = had_angle_ ? angled_ : std::string(Trim(word_));
  const bool empty_angle = had_angle_ && address.empty();
  word_.clear();
  angled_.clear();
  had_angle_ = false;
  if (empty_angle) sound_ = false;
  if (address.find('@') == address.npos) return;
  if (addresses_.size() >= kMaxAuthors)
    sound_ = false;
  else
    addresses_.push_back(std::move(address));
}

void FromReader::TakeChar(char c) {
  if (inside_) {
    if (c == '<')
      sound_ = false;
    else if (c == '>')
      inside_ = false;
    else if (!IsSpace(c))
      angled_ += c;
  } else if (c == '<') {
    if (had_angle_) {  // two in one member: each program shows another
      sound_ = false;
      Finish();
    }
    inside_ = had_angle_ = true;
  } else if (c == '>') {
    sound_ = false;
  } else if (c == ',' || c == ';') {
    Finish();
  } else if (c == ':') {
    word_.clear();  // the name of a group
  } else {
    word_ += c;
  }
}

bool FromReader::Read(std::string_view text) {
  bool quoting = true;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if ((c != '(' && c != '"') || !quoting) {
      TakeChar(c);
      continue;
    }
    const size_t end = EndOfQuoted(text, i);
    if (end == text.npos) {
      sound_ = quoting = false;  // looked for once only: time stays linear
      continue;
    }
    if (c == '"') (inside_ ? angled_ : word_) += text.substr(i, end - i);
    i = end - 1;
  }
  if (inside_) sound_ = false;
  Finish();
  return sound_;
}

}  // namespace

Author ReadAuthor(const mime::HeaderBlock& header) {
  Author author;
  bool sound = true;
  for (const mime::Field& field : header.fields()) {
    if (!EqualsIgnoreCase(field.name, "from")) continue;
    ++author.fields;
    FromReader reader;
    sound = reader.Read(field.raw_value()) && sound;
    for (const std::string& address : reader.addresses()) {
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
