#pragma once

#include <array>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/html/walk.h"

namespace cleanmail::mail::html {

struct Colour {
  int red = 0;
  int green = 0;
  int blue = 0;
  double alpha = 1;

  bool operator==(const Colour&) const = default;
};

// `#fff`, `#ffffff`, `ffffff`, `rgb(1,2,3)`, `rgba(...)`, names; nullopt for what is none.
std::optional<Colour> ParseColour(std::string_view text);

// Whether a person cannot tell text of `a` on a ground of `b`.
bool LooksAlike(const Colour& a, const Colour& b);

// What CSS or attributes say of one element, as far as it decides whether text is seen.
struct Declared {
  std::optional<bool> gone;       // display:none
  std::optional<bool> invisible;  // visibility:hidden; children may undo it
  std::optional<bool> shut;       // no box to see it in: no height, no opacity, off the screen
  std::optional<double> font_px;
  std::optional<double> font_factor;  // of the parent's size
  std::optional<Colour> colour;
  std::optional<Colour> ground;
  bool picture_ground = false;  // a background picture: the ground's colour is not known

  // What `other` says goes before what this says.
  void Override(const Declared& other);
};

// Declarations ("a:b;c:d") of a style attribute or a rule's block.
Declared ParseDeclarations(std::string_view css);

// Rules of style sheets whose selectors are a tag, a class, an id, or a tag with a class. Others,
// and what stands within @media, are passed over. Bounded.
class StyleSheet {
 public:
  void Add(std::string_view css);
  Declared Of(std::string_view tag, std::string_view classes, std::string_view id) const;

 private:
  void AddRule(std::string_view selectors, std::string_view block);

  std::map<std::string, Declared, std::less<>> rules_;
};

// What an element's attributes, its style attribute and the sheet say.
Declared DeclaredOf(std::string_view tag, std::span<const Attribute> attributes,
                    const StyleSheet& sheet);

// What is so at a place in the document.
struct Look {
  bool gone = false;
  bool invisible = false;
  bool shut = false;
  double font_px = 16;
  Colour colour{};
  Colour ground{.red = 255, .green = 255, .blue = 255};
  bool ground_known = true;

  Look Within(const Declared& declared) const;
  bool hidden() const;
};

// Every url(...) in CSS, quotes removed.
std::vector<std::string> UrlsOf(std::string_view css);

}  // namespace cleanmail::mail::html
