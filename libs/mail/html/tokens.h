#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleanmail::mail::html {

// What HTML is made of when no tree is built.
struct Token {
  enum class Kind { kOpen, kClose, kText, kComment };
  Kind kind = Kind::kText;
  std::string name;       // of a tag, lower case
  std::string_view text;  // of text and comments: as written, character references unread
  // As written: names in lower case, values without quotes, character references unread.
  std::vector<std::pair<std::string, std::string_view>> attributes;
  bool raw = false;  // text of script, style and the like, where references mean nothing
};

// Cuts HTML into tokens as browsers do (WHATWG HTML §13.2.5) as far as boundaries go; knows nothing
// of nesting. Total, no recursion; time grows with the bytes.
class Tokens {
 public:
  // `html` must outlive it.
  explicit Tokens(std::string_view html) : rest_(html) {}
  // nullopt at the end.
  std::optional<Token> Next();

 private:
  std::optional<Token> TagAtFront();
  Token Comment(size_t begin, std::string_view end);
  void ReadAttributes(Token& token);

  std::string_view rest_;
  std::string raw_until_;  // the element whose raw text follows
};

// `text` with character references read: numeric ones and the names mails use.
std::string ReadReferences(std::string_view text);

// Elements that have no end tag.
bool IsVoid(std::string_view tag);

}  // namespace cleanmail::mail::html
