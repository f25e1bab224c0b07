#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "services/scanner/analyzers/spam/reading/html_tokens.h"

namespace cleanmail::scanner::spam {

// A colour as HTML and CSS write it.
struct Colour {
  enum class Kind : uint8_t {
    kSolid,
    kTransparent,
    kEmpty,    // "#" alone
    kInvalid,  // not understood
  };
  Kind kind = Kind::kSolid;
  uint32_t rgb = 0;  // of kSolid

  friend bool operator==(Colour, Colour) = default;
};

// How text looks at one place, as far as it tells whether it can be seen.
struct TextStyle {
  std::string_view tag = "default";  // of the elements that have a style
  Colour foreground;
  Colour background{.rgb = 0xffffff};
  double size = 3;  // as of <font size>
  bool displayed = true;
  bool visible = true;
};

// Follows the elements that change how text looks.
class StyleStack {
 public:
  StyleStack() : styles_(1) {}
  // `tag` outlives the stack.
  void Open(std::string_view tag, const Attributes& attributes);
  void Close(std::string_view tag);
  const TextStyle& top() const { return styles_.back(); }
  double largest() const { return largest_; }
  double smallest() const { return smallest_; }

 private:
  void CloseTableTag(std::string_view tag);
  void Push(const TextStyle& style);

  std::vector<TextStyle> styles_;
  double base_size_ = 3;
  double largest_ = 3;
  double smallest_ = 3;
};

// Why text cannot be seen.
enum class Hidden { kNo, kLowContrast, kInvalidColour, kOther };
Hidden HiddenBy(const TextStyle& style);

// "red", "#f00", "rgb(255, 0, 0)".
Colour ColourOf(std::string_view text);

}  // namespace cleanmail::scanner::spam
