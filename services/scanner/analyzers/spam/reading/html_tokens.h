#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleanmail::scanner::spam {

// Attributes of a tag: names in lower case, values with their entities read; a name's first value
// counts.
struct Attributes {
  std::vector<std::pair<std::string, std::string>> list;
  const std::string* Find(std::string_view name) const;
};

// Who hears of what an HTML text is made of, in the order it comes.
class TokenListener {
 public:
  virtual ~TokenListener() = default;
  virtual void OnStart(const std::string& tag, Attributes& attributes) = 0;
  virtual void OnEnd(const std::string& tag) = 0;
  // UTF-8, entities read.
  virtual void OnText(std::string_view text) = 0;
  virtual void OnComment(std::string_view text) = 0;  // with its delimiters
  virtual void OnDeclaration(std::string_view text) = 0;
};

// Cuts HTML into tags and text and nothing more: no elements are closed or moved, as a browser or
// libs/mail/html would, because rules count what is there. Total; time grows with the text.
// `saw_wide` is set when an entity beyond U+00FF was read.
void ReadTokens(std::string_view html, TokenListener& listener, bool& saw_wide);

// `text` with its character references read, as UTF-8. `in_text`: a name may end without semicolon
// within a longer word.
std::string ReadEntities(std::string_view text, bool in_text, bool& saw_wide);

}  // namespace cleanmail::scanner::spam
