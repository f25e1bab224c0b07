#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cleanmail::mail::mime {

// One field of a header block. Its bytes are as they came.
struct Field {
  std::string_view raw;   // name, colon, value and folded lines, with the line end of the last
  std::string_view name;  // without trailing white space; empty for a line that is no field ("From
                          // " of mbox, no colon)

  // What follows the colon, still folded, without the last line end.
  std::string_view raw_value() const;
  // The value on one line: line ends removed, white space at both ends removed (RFC 5322 §2.2.3).
  std::string value() const;
};

struct HeaderLimits {
  size_t bytes = 256 * 1024;
  size_t fields = 2000;
};

// The header of a message (RFC 5322 §2.2) as a list of fields over the bytes they came in: changing
// one leaves every byte of the others alone, so that signatures over them hold. Lines end in CRLF
// or, as found in stored mail, in LF alone.
//
// Fields that came are views of the text given to Parse, which must outlive the block; fields added
// are kept by the block. Movable; not thread-safe.
class HeaderBlock {
 public:
  // Reads the header at the start of `message`: up to the first empty line, or all of it when there
  // is none. ResourceExhausted when it is over the limits.
  static absl::StatusOr<HeaderBlock> Parse(std::string_view message, HeaderLimits limits = {});

  const std::vector<Field>& fields() const { return fields_; }
  // Bytes of the parsed text that were header, the empty line included: where the body begins.
  size_t body_offset() const { return body_offset_; }
  // Whether an empty line ended it.
  bool terminated() const { return !separator_.empty(); }

  // The first field of that name (ASCII case does not matter), from the top; nullptr without one.
  const Field* Find(std::string_view name) const;
  size_t Count(std::string_view name) const;

  // New fields; `value` may hold folds ("\r\n " inside), other control characters are dropped so
  // that no second field can be smuggled in. A last line without its end gets one before something
  // is appended.
  void Prepend(std::string_view name, std::string_view value);
  void Append(std::string_view name, std::string_view value);
  // Puts another value into the field at `index` of fields().
  void Replace(size_t index, std::string_view value);
  // Removes every field of that name; returns how many.
  size_t Remove(std::string_view name);
  // Removes every field of which `gone` says so; returns how many.
  template <class Gone>
  size_t RemoveIf(Gone gone) {
    return std::erase_if(fields_, gone);
  }
  // Removes every field whose name begins with `prefix`; returns how many.
  size_t RemoveByPrefix(std::string_view prefix);

  // The header's bytes with the empty line that ends it (added when it had none).
  std::string ToString() const;
  // The same, but without adding the empty line when none came: for whoever must not change a byte.
  std::string Bytes() const;

 private:
  std::string_view Keep(std::string text);
  Field MakeField(std::string_view name, std::string_view value);

  std::vector<Field> fields_;
  std::deque<std::string> kept_;  // deque: its strings never move, and fields_ has views of them
  std::string_view separator_;
  size_t body_offset_ = 0;
};

}  // namespace cleanmail::mail::mime
