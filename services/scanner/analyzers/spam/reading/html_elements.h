#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cleanmail::scanner::spam {

// What an element of HTML means for a reader.
enum ElementTrait : uint8_t {
  kStandard = 1,    // of HTML 4.01 or XHTML 1.0, strict or loose, or of some mail programs
  kTrick = 2,       // of none of these, but browsers act on it
  kStyled = 4,      // may change how text looks
  kSource = 8,      // leads somewhere with src
  kReference = 16,  // with href
  kBackground = 32  // with background
};

struct Element {
  std::string_view name;
  unsigned traits = 0;          // of ElementTrait
  std::string_view space = {};  // what it puts between the texts before and behind it
};

// Sorted by name.
inline constexpr std::array<Element, 99> kElements = {{
    {"a", kStandard | kStyled | kReference},
    {"abbr", kStandard},
    {"acronym", kStandard},
    {"address", kStandard},
    {"applet", kStandard},
    {"area", kStandard | kReference},
    {"b", kStandard},
    {"base", kStandard},
    {"basefont", kStandard | kStyled},
    {"bdo", kStandard},
    {"bgsound", kTrick | kSource},
    {"big", kStandard | kStyled},
    {"blockquote", kStandard, "\n\n"},
    {"body", kStandard | kStyled | kBackground},
    {"br", kStandard, "\n"},
    {"button", kStandard},
    {"caption", kStandard},
    {"center", kStandard},
    {"cite", kStandard},
    {"code", kStandard},
    {"col", kStandard},
    {"colgroup", kStandard},
    {"dd", kStandard, " "},
    {"del", kStandard},
    {"dfn", kStandard},
    {"dir", kStandard},
    {"div", kStandard | kStyled, "\n"},
    {"dl", kStandard},
    {"dt", kStandard, " "},
    {"em", kStandard},
    {"embed", kTrick | kSource, " "},
    {"fieldset", kStandard},
    {"font", kStandard | kStyled},
    {"form", kStandard},
    {"frame", kStandard | kSource},
    {"frameset", kStandard},
    {"h1", kStandard, " "},
    {"h2", kStandard, " "},
    {"h3", kStandard, " "},
    {"h4", kStandard, " "},
    {"h5", kStandard, " "},
    {"h6", kStandard, " "},
    {"head", kStandard},
    {"hr", kStandard, "\n\n"},
    {"html", kStandard},
    {"i", kStandard},
    {"iframe", kStandard | kSource},
    {"img", kStandard | kSource},
    {"input", kStandard},
    {"ins", kStandard},
    {"isindex", kStandard},
    {"kbd", kStandard},
    {"label", kStandard},
    {"legend", kStandard},
    {"li", kStandard, " "},
    {"link", kStandard | kReference},
    {"listing", kTrick, "\n\n"},
    {"map", kStandard},
    {"menu", kStandard},
    {"meta", kStandard},
    {"nobr", kStandard},
    {"noframes", kStandard},
    {"noscript", kStandard},
    {"object", kStandard},
    {"ol", kStandard},
    {"optgroup", kStandard},
    {"option", kStandard},
    {"p", kStandard | kStyled, "\n\n"},
    {"param", kStandard},
    {"plaintext", kTrick, "\n\n"},
    {"pre", kStandard, "\n\n"},
    {"q", kStandard},
    {"s", kStandard},
    {"samp", kStandard},
    {"script", kStandard | kSource},
    {"select", kStandard},
    {"small", kStandard | kStyled},
    {"span", kStandard | kStyled},
    {"strike", kStandard},
    {"strong", kStandard},
    {"style", kStandard},
    {"sub", kStandard},
    {"sup", kStandard},
    {"table", kStandard | kStyled | kBackground},
    {"tbody", kStandard},
    {"td", kStandard | kStyled | kBackground, " "},
    {"textarea", kStandard},
    {"tfoot", kStandard},
    {"th", kStandard | kStyled, " "},
    {"thead", kStandard},
    {"title", kStandard, "\n\n"},
    {"tr", kStandard | kStyled | kBackground},
    {"tt", kStandard},
    {"u", kStandard},
    {"ul", kStandard},
    {"var", kStandard},
    {"x-sigsep", kStandard},
    {"x-tab", kStandard},
    {"xmp", kTrick, "\n\n"},
}};
static_assert(std::is_sorted(kElements.begin(), kElements.end(),
                             [](const Element& a, const Element& b) { return a.name < b.name; }));

// Where the elements of a first letter begin; those of the last end with the table.
inline constexpr auto kElementsByLetter = [] {
  std::array<size_t, 27> begins{};
  for (size_t letter = 0; letter < begins.size(); ++letter) {
    while (begins[letter] < kElements.size() &&
           kElements[begins[letter]].name[0] < static_cast<char>('a' + letter))
      ++begins[letter];
  }
  return begins;
}();

// `name` in lower case; nullptr for one that means nothing.
constexpr const Element* FindElement(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return nullptr;
  const auto letter = static_cast<size_t>(name[0] - 'a');
  for (size_t i = kElementsByLetter[letter]; i < kElementsByLetter[letter + 1]; ++i) {
    if (kElements[i].name == name) return &kElements[i];
  }
  return nullptr;
}

}  // namespace cleanmail::scanner::spam
