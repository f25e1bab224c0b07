#include "services/scanner/analyzers/spam/reading/html_style.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/html_colors.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kDeepest = 1000;
constexpr double kLeastContrast = 12;

Colour Solid(const std::array<int, 3>& parts) {
  uint32_t rgb = 0;
  for (const int part : parts) rgb = rgb << 8 | (static_cast<uint32_t>(part) & 0xff);
  return {.rgb = rgb};
}

// The numbers in `text`, at most three, each at most 255; missing ones are 0.
std::array<int, 3> ThreeNumbers(std::string_view text) {
  std::array<int, 3> numbers{};
  size_t index = 0;
  for (const char c : text) {
    if (c == ',') {
      if (++index == 3) break;
    } else if (IsDigit(c)) {
      numbers[index] = std::min(255, numbers[index] * 10 + (c - '0'));
    }
  }
  return numbers;
}

Colour HexColour(std::string_view text) {
  std::string digits;
  for (const char c : text) {
    if (IsDigit(c) || (c >= 'a' && c <= 'f')) digits += c;
  }
  if (digits.empty()) return {Colour::Kind::kEmpty};
  if (digits.size() > 6) digits.resize(6);
  if (digits.size() > 3 && digits.size() < 6) digits.resize(3);
  while (digits.size() % 3 != 0) digits += '0';
  if (digits.size() == 3)
    digits = {digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]};
  return {.rgb = static_cast<uint32_t>(std::strtoul(digits.c_str(), nullptr, 16))};
}

// What of a tag's attributes is looked at.
bool IsStyled(std::string_view tag, std::string_view attribute) {
  if (attribute == "style") {
    return tag == "table" || tag == "td" || tag == "tr" || tag == "span" || tag == "p" ||
           tag == "div" || tag == "a";
  }
  const bool font = tag == "font" || tag == "basefont";
  if (attribute == "color" || attribute == "size" || attribute == "face") return font;
  if (attribute == "bgcolor")
    return tag == "body" || tag == "marquee" || tag == "table" || tag == "td" || tag == "tr";
  if (attribute == "background") return tag == "body" || tag == "marquee";
  return tag == "body" && (attribute == "text" || attribute == "link" || attribute == "alink" ||
                           attribute == "vlink");
}

// The layers of a `background` value in tokens; the last layer's.
std::vector<std::string> LastBackgroundLayer(std::string_view value) {
  std::vector<std::string> tokens;
  std::string token;
  std::string open;  // what has been opened and not closed: ( " '
  const auto finish = [&] {
    if (!token.empty()) tokens.push_back(std::move(token));
    token.clear();
  };
  for (const char c : value) {
    if (open.empty() && (c == ' ' || c == ',')) {
      finish();
      if (c == ',') tokens.clear();
      continue;
    }
    token += c;
    const char top = open.empty() ? '\0' : open.back();
    if (top == '"' || top == '\'') {
      if (c == top) open.pop_back();
    } else if (top == '(' && c == ')') {
      open.pop_back();
      if (open.empty()) finish();
    } else if (c == '"' || c == '\'' || (c == '(' && top == '\0')) {
      open += c;
    }
  }
  finish();
  return tokens;
}

void ReadColourProperty(std::string_view property, Colour& colour) {
  std::string value = Lower(Trim(property));
  if (const size_t bang = value.rfind('!');
      bang != std::string::npos && Trim(std::string_view(value).substr(bang + 1)) == "important")
    value = std::string(TrimRight(std::string_view(value).substr(0, bang)));
  if (value == "inherit") return;
  if (value.find("rgb") != std::string::npos) {
    colour = Solid(ThreeNumbers(value));
  } else {
    colour = value == "transparent" ? Colour{Colour::Kind::kTransparent} : ColourOf(value);
  }
}

void ReadStyle(std::string_view style, const TextStyle& outer, TextStyle& now) {
  for (const std::string_view piece : Pieces(style, ';')) {
    const std::string_view part = Trim(piece);
    const size_t colon = part.find(':');
    if (colon == std::string_view::npos) continue;
    const std::string_view value = Trim(part.substr(colon + 1));
    if (value.empty()) continue;
    const std::string_view name = part.substr(0, colon);
    if (SameLetters(name, "color")) {
      ReadColourProperty(value, now.foreground);
    } else if (SameLetters(name, "background-color")) {
      ReadColourProperty(value, now.background);
    } else if (name == "background") {
      for (const std::string& token : LastBackgroundLayer(Lower(value))) {
        const Colour colour = ColourOf(token);
        if (colour.kind == Colour::Kind::kInvalid) continue;
        now.background = colour;
        break;
      }
    } else if (TrimRight(name) == "display") {
      now.displayed = !SameLetters(value, "none");
    } else if (TrimRight(name) == "visibility") {
      now.visible = !SameLetters(value, "hidden");
    }
  }
  if (now.background.kind == Colour::Kind::kTransparent) now.background = outer.background;
  if (now.foreground.kind == Colour::Kind::kTransparent) now.foreground = now.background;
}

double SizeOf(std::string_view text, double base, double fallback) {
  text = TrimLeft(text);
  const bool sign = text.starts_with('+') || text.starts_with('-');
  size_t digits = sign ? 1 : 0;
  while (digits < text.size() && IsDigit(text[digits])) ++digits;
  if (digits == (sign ? 1U : 0U)) return fallback;
  const double number = NumberOf(text.substr(0, digits)).value_or(0);
  return sign ? base + number : number;
}

}  // namespace

Colour ColourOf(std::string_view text) {
  constexpr Colour kInvalid{Colour::Kind::kInvalid};
  const std::string colour = Lower(Trim(text));
  const auto named = std::lower_bound(
      kColours.begin(), kColours.end(), colour,
      [](const auto& entry, const std::string& wanted) { return entry.first < wanted; });
  if (named != kColours.end() && named->first == colour) return {.rgb = named->second};
  if (const size_t at = colour.find("rgb("); at != std::string::npos) {
    const size_t end = colour.find(')', at);
    if (end == std::string::npos) return kInvalid;
    const std::string_view inside = std::string_view(colour).substr(at + 4, end - at - 4);
    if (inside.find_first_not_of("0123456789%, ") != std::string_view::npos) return kInvalid;
    std::array<int, 3> parts = ThreeNumbers(inside);
    if (inside.find('%') != std::string_view::npos) {
      for (int& part : parts) part = part * 255 / 100;
    }
    return Solid(parts);
  }
  const bool hex =
      colour.starts_with('#') && colour.find_first_not_of("#0123456789abcdef") == std::string::npos;
  return hex ? HexColour(colour) : kInvalid;
}

Hidden HiddenBy(const TextStyle& style) {
  using Kind = Colour::Kind;
  const Colour front = style.foreground;
  const Colour back = style.background;
  if (front == back) return Hidden::kLowContrast;
  if (front.kind == Kind::kSolid && back.kind == Kind::kSolid) {
    const auto differ = [&](int shift) {
      return static_cast<int>(front.rgb >> shift & 0xff) -
             static_cast<int>(back.rgb >> shift & 0xff);
    };
    const double red = 0.2126 * differ(16);
    const double green = 0.7152 * differ(8);
    const double blue = 0.0722 * differ(0);
    if (std::sqrt(red * red + green * green + blue * blue) < kLeastContrast)
      return Hidden::kLowContrast;
  }
  if (front.kind == Kind::kInvalid || back.kind == Kind::kInvalid) return Hidden::kInvalidColour;
  return style.size <= 1 || !style.displayed || !style.visible ? Hidden::kOther : Hidden::kNo;
}

void StyleStack::Push(const TextStyle& style) {
  if (styles_.size() < kDeepest) styles_.push_back(style);
}

void StyleStack::Open(std::string_view given, const Attributes& attributes) {
  const std::string_view tag = given == "th" ? "td" : given;
  if (tag == "basefont") {
    if (const std::string* size = attributes.Find("size");
        size != nullptr && IsDigit((std::string(TrimLeft(*size)) + " ")[0])) {
      base_size_ = SizeOf(*size, base_size_, base_size_);
      return;
    }
  }
  if (tag == "td" || tag == "tr") CloseTableTag(tag);
  TextStyle style = styles_.back();
  style.tag = tag;
  if (tag == "big" || tag == "small") {
    style.size += tag == "big" ? 1 : -1;
    Push(style);
    return;
  }
  for (const auto& [name, value] : attributes.list) {
    if (!IsStyled(tag, name)) continue;
    if (name == "text" || name == "color") {
      style.foreground = ColourOf(value);
    } else if (name == "size") {
      style.size = SizeOf(value, base_size_, style.size);
    } else if (name == "style") {
      ReadStyle(value, styles_.back(), style);
    }
    if (style.size > largest_) {
      largest_ = style.size;
    } else if (style.size < smallest_) {
      smallest_ = style.size;
    }
  }
  Push(style);
}

void StyleStack::CloseTableTag(std::string_view tag) {
  if (std::none_of(styles_.begin(), styles_.end(),
                   [&](const TextStyle& style) { return style.tag == tag; }))
    return;
  while (styles_.size() > 1) {
    const std::string_view top = styles_.back().tag;
    const bool closes = top == "font" || top == "td" || (tag == "tr" && top == "tr");
    if (!closes) return;
    styles_.pop_back();
  }
}

void StyleStack::Close(std::string_view given) {
  const std::string_view tag = given == "th" ? "td" : given;
  if (tag == "body" || std::none_of(styles_.begin(), styles_.end(),
                                    [&](const TextStyle& style) { return style.tag == tag; }))
    return;
  while (styles_.size() > 1) {
    const bool found = styles_.back().tag == tag;
    styles_.pop_back();
    if (found) return;
  }
}

}  // namespace cleanmail::scanner::spam
