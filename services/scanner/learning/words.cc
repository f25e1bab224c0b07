#include "services/scanner/learning/words.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "libs/base/cat.h"
#include "libs/mail/mime/normalize.h"

namespace cleanmail::scanner::learning {
namespace {

constexpr size_t kLongestWord = 24;
constexpr size_t kMostHosts = 100;
constexpr size_t kLongestHost = 255;

// A character and how many bytes it has; a malformed byte is a character of its own.
struct Character {
  char32_t code = 0;
  size_t size = 1;
};

Character ReadCharacter(std::string_view text) {
  const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = at(0);
  const size_t size = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  if (size == 0 || size > text.size()) return {.code = 0xFFFD, .size = 1};
  if (size == 1) return {.code = first, .size = 1};
  char32_t code = first & (0xFF >> (size + 1));
  for (size_t i = 1; i < size; ++i) {
    if ((at(i) & 0xC0) != 0x80) return {.code = 0xFFFD, .size = 1};
    code = (code << 6) | (at(i) & 0x3F);
  }
  return {.code = code, .size = size};
}

void Append(std::string& text, char32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xC0 | (code >> 6));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xE0 | (code >> 12));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    text += static_cast<char>(0xF0 | (code >> 18));
    text += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    text += static_cast<char>(0x80 | (code & 0x3F));
  }
}

// Small letters of the alphabets mail is mostly written in.
char32_t Lower(char32_t c) {
  if (c < 0x80) return c >= 'A' && c <= 'Z' ? c + 32 : c;
  if ((c >= 0xC0 && c <= 0xDE && c != 0xD7) || (c >= 0x391 && c <= 0x3A9)) return c + 32;
  if (c >= 0x410 && c <= 0x42F) return c + 32;
  if (c >= 0x400 && c <= 0x40F) return c + 80;
  if (c >= 0x100 && c <= 0x137) return c | 1;
  return c;
}

enum class Kind { kBlank, kMark, kDigit, kLetter, kDense };

// kDense: written without blanks between words.
Kind KindOf(char32_t c) {
  if (c < 0x80) {
    if (c <= ' ' || c == 0x7F) return Kind::kBlank;
    if (c >= '0' && c <= '9') return Kind::kDigit;
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? Kind::kLetter : Kind::kMark;
  }
  if (c < 0xC0 || c == 0xD7 || c == 0xF7) return c == 0xA0 ? Kind::kBlank : Kind::kMark;
  if (c >= 0x2000 && c <= 0x2BFF) return Kind::kMark;
  if (c >= 0x3000 && c <= 0x3004) return Kind::kMark;
  if ((c >= 0x0E00 && c <= 0x0EFF) || (c >= 0x3040 && c <= 0x30FF) || (c >= 0x3400 && c <= 0x9FFF))
    return Kind::kDense;
  return c == 0xFFFD || c >= 0x1F000 ? Kind::kMark : Kind::kLetter;
}

// Marks that say something by themselves.
bool Speaks(char32_t c) {
  return c == '!' || c == '$' || c == '%' || c == 0x20AC || c == 0xA3 || c >= 0x1F000 ||
         (c >= 0x2600 && c <= 0x27BF);
}

class Reader {
 public:
  Reader(std::string_view text, size_t most) : text_(text), most_(most) {}

  Words Read() && {
    for (size_t at = 0; at < text_.size() && words_.list.size() < most_;) at = Step(at);
    Finish();
    return std::move(words_);
  }

 private:
  size_t Step(size_t at) {
    if (const size_t end = EndOfLink(at); end > at) {
      Finish();
      Break();
      return end;
    }
    const Character c = ReadCharacter(text_.substr(at));
    switch (KindOf(c.code)) {
      case Kind::kBlank:
        Finish();
        break;
      case Kind::kMark:
        TakeMark(c.code);
        break;
      case Kind::kDigit:
      case Kind::kLetter:
        TakeLetter(c.code);
        break;
      case Kind::kDense:
        TakeDense(c.code);
        break;
    }
    return at + c.size;
  }

  // Where a link that begins at `at` ends; `at` where none does.
  size_t EndOfLink(size_t at) {
    if (!open_.empty() || (text_[at] | 0x20) != 'h') return at;
    const std::string_view rest = text_.substr(at);
    const size_t mark = rest.substr(0, 8).find("://");
    if (mark == rest.npos || (mark != 4 && mark != 5)) return at;
    const size_t begin = mark + 3;
    const size_t host = std::min(rest.find_first_of("/?# \t\r\n<>\"'()[]", begin), rest.size());
    if (words_.hosts.size() < kMostHosts && host - begin <= kLongestHost)
      words_.hosts.emplace_back(rest.substr(begin, host - begin));
    return at + std::min(rest.find_first_of(" \t\r\n<>\"'", begin), rest.size());
  }

  void TakeLetter(char32_t c) {
    if (dense_ != 0) Finish();
    digits_ = digits_ && KindOf(c) == Kind::kDigit;
    ++length_;
    if (open_.size() < kLongestWord) Append(open_, Lower(c));
  }

  void TakeDense(char32_t c) {
    if (dense_ == 0) Finish();
    if (dense_ != 0) {
      std::string pair;
      Append(pair, dense_);
      Append(pair, c);
      Add(pair);
    }
    dense_ = c;
  }

  void TakeMark(char32_t c) {
    // it's, e-mail, 1,000.00: one word.
    if ((c == '\'' || c == '-' || c == '.' || c == ',' || c == 0x2019) && !open_.empty()) {
      if (digits_ || c == '\'' || c == 0x2019) return;
    }
    Finish();
    if (Speaks(c)) {
      std::string mark;
      Append(mark, c);
      Add(mark);
    } else if (c != '-' && c != '_' && c != '\'' && c != '"') {
      Break();
    }
  }

  void Finish() {
    dense_ = 0;
    if (open_.empty()) return;
    if (digits_) {
      Add(base::Cat("#", std::min<size_t>(length_, 12)));
    } else if (length_ > kLongestWord) {
      Add(base::Cat(std::string_view(open_).substr(0, 6), "…", std::min<size_t>(length_ / 10, 9)));
    } else {
      Add(open_);
    }
    open_.clear();
    length_ = 0;
    digits_ = true;
  }

  void Add(std::string_view word) {
    if (words_.list.size() >= most_) return;
    words_.list.push_back({.begin = static_cast<uint32_t>(words_.text.size()),
                           .size = static_cast<uint16_t>(word.size()),
                           .follows = follows_});
    words_.text += word;
    words_.text += ' ';  // so that a pair can be shown as one text
    follows_ = true;
  }

  void Break() { follows_ = false; }

  const std::string_view text_;
  const size_t most_;
  Words words_;
  std::string open_;   // the word that is being read
  size_t length_ = 0;  // its characters
  bool digits_ = true;
  char32_t dense_ = 0;
  bool follows_ = false;
};

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

}  // namespace

Words WordsOf(std::string_view utf8, size_t most) {
  if (IsAscii(utf8)) return Reader(utf8, most).Read();
  const std::string normal = mail::mime::Normalize(utf8).text;
  return Reader(normal, most).Read();
}

}  // namespace cleanmail::scanner::learning
