#pragma once

#include <concepts>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

// Debian builds abseil with a string_view of its own, which std::string_view does not convert to:
// absl::StrCat and friends refuse std::string_view. These two bridge it.

namespace cleanmail::base {

// abseil's view as the standard's.
inline std::string_view View(absl::string_view text) { return {text.data(), text.size()}; }

// The standard's view as abseil's.
inline absl::string_view AbslView(std::string_view text) { return {text.data(), text.size()}; }

// One piece of Cat: text or an integer.
class Piece {
 public:
  Piece(std::string_view text) : view_(text) {}    // NOLINT(google-explicit-constructor)
  Piece(const std::string& text) : view_(text) {}  // NOLINT(google-explicit-constructor)
  Piece(const char* text) : view_(text) {}         // NOLINT(google-explicit-constructor)
  Piece(absl::string_view text)
      : view_(text.data(), text.size()) {}  // NOLINT(google-explicit-constructor)
  template <std::integral Number>
  requires(!std::same_as<Number, bool> && !std::same_as<Number, char>) Piece(Number number)
      : number_(std::to_string(number)), view_(number_) {}  // NOLINT(google-explicit-constructor)
  Piece(const Piece&) = delete;
  Piece& operator=(const Piece&) = delete;
  std::string_view view() const { return view_; }

 private:
  std::string number_;
  std::string_view view_;
};

// The pieces joined into one string: Cat("port ", 25, " is taken").
template <class... Pieces>
std::string Cat(const Pieces&... pieces) {
  std::string out;
  const auto append = [&out](const Piece& piece) { out.append(piece.view()); };
  (append(Piece(pieces)), ...);
  return out;
}

}  // namespace cleanmail::base
