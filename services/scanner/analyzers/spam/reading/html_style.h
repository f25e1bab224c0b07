#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/scanner/analyzers/spam/reading/html_tokens.h"

namespace cleanmail::scanner::spam {

// How text looks at one place, as far as it tells whether it can be seen.
struct TextStyle {
  std::string tag = "default";
  std::string foreground = "#000000";  // "invalid": not understood
  std::string background = "#ffffff";
  double size = 3;  // as of <font size>
  std::string display;
  std::string visibility;
};

// Follows the elements that change how text looks.
class StyleStack {
 public:
  StyleStack() : styles_(1) {}
  void Open(std::string_view tag, const Attributes& attributes);
  void Close(std::string_view tag);
  const TextStyle& top() const { return styles_.back(); }
  double largest() const { return largest_; }
  double smallest() const { return smallest_; }

 private:
  void CloseTableTag(std::string_view tag);
  void Push(TextStyle style);

  std::vector<TextStyle> styles_;
  double base_size_ = 3;
  double largest_ = 3;
  double smallest_ = 3;
};

// Why text cannot be seen.
enum class Hidden { kNo, kLowContrast, kInvalidColour, kOther };
Hidden HiddenBy(const TextStyle& style);

// "#rrggbb" of a colour as HTML and CSS write it, "invalid" for what is none.
std::string ColourOf(std::string_view text);

}  // namespace cleanmail::scanner::spam
