#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::scanner::learning {

// A text as words: lower case, compatibility forms folded, without characters nobody sees. Writing
// without blanks (Han, Kana, Thai and the like) comes as pairs of characters; numbers by their
// length ("#4"); words past 24 bytes by beginning and length. Links and addresses in the text are
// left out; hosts of links are put to `hosts` as written.
struct Words {
  std::string text;
  struct Word {
    uint32_t begin = 0;  // in `text`
    uint16_t size = 0;
    bool follows = false;  // directly behind the word before: nothing but blanks between them
  };
  std::vector<Word> list;
  std::vector<std::string> hosts;

  std::string_view At(const Word& word) const {
    return std::string_view(text).substr(word.begin, word.size);
  }
};

// Total: whatever comes, some words are read; at most `most`.
Words WordsOf(std::string_view utf8, size_t most);

}  // namespace cleanmail::scanner::learning
