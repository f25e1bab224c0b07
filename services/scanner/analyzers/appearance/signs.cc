#include "services/scanner/analyzers/appearance/signs.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace cleanmail::scanner {
namespace {

constexpr size_t kLettersOfAShout = 12;
constexpr size_t kGap = 6;
constexpr size_t kDigitsOfALargeSum = 6;
constexpr size_t kSumLength = 24;
constexpr size_t kGreetingWithin = 15;  // words
// Mailings have longer names, with more marks in them: a number for every copy.
constexpr size_t kLongestName = 25;
constexpr size_t kMostMarks = 2;

constexpr std::array<std::string_view, 26> kGreetings = {
    "dear",     "hello",     "hi",      "hallo",   "attention", "attn",   "geehrter",
    "geehrte",  "geehrtes",  "lieber",  "liebe",   "guten",     "werter", "estimado",
    "estimada", "estimados", "prezado", "prezada", "caro",      "cara",   "cher",
    "chere",    "gentile",   "geachte", "beste",   "ola"};
constexpr std::array<std::string_view, 44> kNobody = {
    "customer",  "customers",   "client",   "clients",      "user",         "users",
    "member",    "members",     "friend",   "sir",          "sirs",         "madam",
    "ma",        "beneficiary", "winner",   "subscriber",   "owner",        "homeowner",
    "valued",    "investor",    "shopper",  "kunde",        "kundin",       "kunden",
    "kundinnen", "nutzer",      "nutzerin", "mitglied",     "cliente",      "clientes",
    "usuario",   "usuaria",     "usuarios", "amigo",        "contribuinte", "klant",
    "utente",    "utilisateur", "cliente",  "proprietario", "titular",      "heer",
    "fund",      "beloved"};

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLower(char c) { return c >= 'a' && c <= 'z'; }
bool IsUpper(char c) { return c >= 'A' && c <= 'Z'; }

bool StartsWithFolded(std::string_view text, std::string_view lower) {
  return text.size() >= lower.size() &&
         std::ranges::equal(text.substr(0, lower.size()), lower, {}, [](char c) {
           return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
         });
}

template <class List>
bool Has(const List& list, std::string_view word) {
  return std::ranges::find(list, word) != list.end();
}

// Length of the sign of a currency at the beginning of `text`; 0: there is none.
size_t CurrencyAt(std::string_view text) {
  switch (text[0]) {
    case '$':
      return 1;
    case '\xE2':
      return text.starts_with("\xE2\x82\xAC") ? 3 : 0;  // euro
    case '\xC2':
      return text.starts_with("\xC2\xA3") ? 2 : 0;  // pound
    case 'U':
    case 'u':
      return StartsWithFolded(text, "usd") ? 3 : 0;
    case 'E':
    case 'e':
      return StartsWithFolded(text, "eur") ? 3 : 0;
    case 'G':
    case 'g':
      return StartsWithFolded(text, "gbp") ? 3 : 0;
    default:
      return 0;
  }
}

// Digits before the decimals of a number at the beginning of `text`, and its length.
struct Number {
  size_t digits = 0;
  size_t length = 0;
};
Number NumberAt(std::string_view text) {
  Number number;
  size_t group = 0;
  for (; number.length < std::min(text.size(), kSumLength); ++number.length) {
    const char c = text[number.length];
    if (IsDigit(c)) {
      ++group;
      continue;
    }
    const bool parts = (c == ',' || c == '.' || c == '\'') && number.length + 1 < text.size() &&
                       IsDigit(text[number.length + 1]);
    if (!parts) break;
    number.digits += group;
    group = 0;
  }
  if (number.digits == 0 || group == 3) number.digits += group;  // else the last are decimals
  return number;
}

}  // namespace

bool Shouts(std::string_view utf8) {
  if (utf8.find("!!") != utf8.npos || utf8.find("$$") != utf8.npos) return true;
  const auto upper = static_cast<size_t>(std::ranges::count_if(utf8, IsUpper));
  const auto lower = static_cast<size_t>(std::ranges::count_if(utf8, IsLower));
  return upper >= kLettersOfAShout && upper >= 4 * lower && utf8.find(' ') != utf8.npos;
}

bool IsPadded(std::string_view subject) {
  size_t spaces = 0;
  bool begun = false;
  for (const char c : subject) {
    if (c == ' ' || c == '\t') {
      ++spaces;
      continue;
    }
    if (begun && spaces >= kGap) return true;
    begun = true;
    spaces = 0;
  }
  return false;
}

bool HasPictures(std::string_view utf8) {
  for (size_t at = 0; at + 2 < utf8.size(); ++at) {
    const auto first = static_cast<unsigned char>(utf8[at]);
    const auto second = static_cast<unsigned char>(utf8[at + 1]);
    const auto third = static_cast<unsigned char>(utf8[at + 2]);
    if (first == 0xF0 && second == 0x9F && third >= 0x8C && third <= 0xAB) return true;  // U+1F300…
    if (first == 0xE2 && second >= 0x98 && second <= 0x9E) return true;  // U+2600…
  }
  return false;
}

bool HasRawBytes(std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) continue;
    const size_t more = byte >= 0xF0 ? 3 : byte >= 0xE0 ? 2 : 1;
    if (byte < 0xC2 || byte > 0xF4 || at + more >= text.size()) return true;
    for (size_t i = 1; i <= more; ++i) {
      if ((static_cast<unsigned char>(text[at + i]) & 0xC0U) != 0x80U) return true;
    }
    at += more;
  }
  return false;
}

bool IsRandomName(std::string_view local_part) {
  size_t digits = 0;
  size_t changes = 0;  // between digits and letters
  size_t marks = 0;    // neither
  char before = 0;
  for (const char c : local_part) {
    if (c == '=' || c == '+' || c == '#') return false;  // mailings, for their bounces
    const char kind = IsDigit(c) ? '0' : std::isalpha(static_cast<unsigned char>(c)) ? 'a' : '-';
    digits += kind == '0' ? 1 : 0;
    if (before != 0 && kind != before && kind != '-' && before != '-') ++changes;
    marks += kind == '-' ? 1 : 0;
    before = kind;
  }
  return local_part.size() >= 6 && local_part.size() <= kLongestName && marks <= kMostMarks &&
         (digits >= 5 || changes >= 3);
}

std::optional<std::string_view> LargeSum(std::string_view text) {
  for (size_t at = 0; at < text.size(); ++at) {
    const size_t sign = CurrencyAt(text.substr(at));
    if (sign == 0) continue;
    size_t begin = at + sign;
    while (begin < text.size() && begin - at < sign + 2 && text[begin] == ' ') ++begin;
    const Number number = NumberAt(text.substr(begin));
    if (number.length == 0) continue;
    const size_t end = begin + number.length;
    const std::string_view behind = text.substr(end, 10);
    const bool millions =
        StartsWithFolded(behind, " million") || StartsWithFolded(behind, "million");
    if (number.digits >= kDigitsOfALargeSum || millions)
      return text.substr(at, end - at + (millions ? 8 : 0));
  }
  return std::nullopt;
}

bool GreetsNobody(std::span<const std::string_view> words) {
  words = words.first(std::min(words.size(), kGreetingWithin));
  for (size_t i = 0; i + 1 < words.size(); ++i) {
    if (!Has(kGreetings, words[i])) continue;
    for (size_t next = i + 1; next <= i + 2 && next < words.size(); ++next) {
      if (Has(kNobody, words[next])) return true;
    }
  }
  return false;
}

}  // namespace cleanmail::scanner
