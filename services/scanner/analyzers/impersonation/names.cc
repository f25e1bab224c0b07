#include "services/scanner/analyzers/impersonation/names.h"

#include <algorithm>
#include <array>

#include "libs/mail/mime/normalize.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kMostWords = 50;
constexpr size_t kMoreWords = 4;  // beside the name: titles we do not know, a company, "via"
constexpr size_t kLongestName = 500;

// Bytes that part words: ASCII but letters, digits and the apostrophe.
bool IsBetweenWords(char c) {
  const bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    c == '\'' || static_cast<unsigned char>(c) >= 0x80;
  return !word;
}

// Capitals of other alphabets that look Latin while their small letters do not. A skeleton is made
// of small letters.
std::string WithLatinCapitals(std::string_view text) {
  struct Pair {
    std::string_view other;
    char latin;
  };
  constexpr std::array kPairs = {
      Pair{"В", 'B'}, Pair{"Н", 'H'}, Pair{"К", 'K'}, Pair{"М", 'M'}, Pair{"Т", 'T'},
      Pair{"Β", 'B'}, Pair{"Ε", 'E'}, Pair{"Ζ", 'Z'}, Pair{"Η", 'H'}, Pair{"Κ", 'K'},
      Pair{"Μ", 'M'}, Pair{"Ν", 'N'}, Pair{"Τ", 'T'}, Pair{"Υ", 'Y'}, Pair{"Χ", 'X'},
  };
  std::string latin;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool ascii = static_cast<unsigned char>(text[i]) < 0x80;
    const auto* const pair =
        ascii ? kPairs.end() : std::ranges::find(kPairs, text.substr(i, 2), &Pair::other);
    if (pair == kPairs.end()) {
      latin += text[i];
      continue;
    }
    latin += pair->latin;
    ++i;
  }
  return latin;
}

const std::set<std::string>& Titles() {
  static const auto* const titles = [] {
    auto* made = new std::set<std::string>;
    for (const std::string_view title :
         {"dr",  "prof", "mr",  "mrs", "ms", "herr", "frau",   "dipl",  "ing",    "mag",     "lic",
          "phd", "msc",  "mba", "jr",  "sr", "sir",  "signor", "señor", "madame", "monsieur"})
      made->insert(LooksOf(title));
    return made;
  }();
  return *titles;
}

}  // namespace

std::string LooksOf(std::string_view text) {
  const std::string skeleton = mail::mime::Skeleton(WithLatinCapitals(text));
  std::string looks;
  for (size_t i = 0; i < skeleton.size(); ++i) {
    const auto byte = static_cast<unsigned char>(skeleton[i]);
    // Accents, which a skeleton has behind their letters (U+0300 to U+036F).
    const auto next = static_cast<unsigned char>(i + 1 < skeleton.size() ? skeleton[i + 1] : 0);
    if (byte == 0xcc || (byte == 0xcd && next <= 0xaf)) {
      ++i;
      continue;
    }
    const char lower = byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : skeleton[i];
    looks += lower == 'i' ? 'l' : lower;  // a capital I looks like a small l
  }
  return looks;
}

std::set<std::string> NameWords(std::string_view name) {
  const std::string text = mail::mime::Normalize(name.substr(0, kLongestName)).text;
  std::set<std::string> words;
  for (size_t i = 0; i < text.size() && words.size() < kMostWords;) {
    size_t end = i;
    while (end < text.size() && !IsBetweenWords(text[end])) ++end;
    if (end - i > 1) {
      std::string word = LooksOf(std::string_view(text).substr(i, end - i));
      if (!Titles().contains(word)) words.insert(std::move(word));
    }
    i = end + 1;
  }
  return words;
}

bool ShowsName(const std::set<std::string>& shown, const std::set<std::string>& name) {
  return !name.empty() && shown.size() <= name.size() + kMoreWords &&
         std::ranges::includes(shown, name);
}

}  // namespace cleanmail::scanner
