#pragma once

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace cleanmail::mail::auth::dkim {

// More than any record or signature has use for.
inline constexpr size_t kMaxTags = 64;

struct Tag {
  std::string_view name;
  std::string_view value;  // without white space at both ends; may hold folds inside
  size_t begin = 0;        // the value with its white space: bytes of the text
  size_t end = 0;
};

// `name=value; name=value` (RFC 6376 §3.2), as DKIM signatures and keys, ARC fields and DMARC
// records are written. Views of the text that was read.
class TagList {
 public:
  // InvalidArgument: not a tag list, a tag twice, or over kMaxTags.
  static absl::StatusOr<TagList> Parse(std::string_view text);

  const std::vector<Tag>& tags() const { return tags_; }
  // nullptr without one. Names are case-sensitive.
  const Tag* Find(std::string_view name) const;
  // Its value, or `otherwise`.
  std::string_view Value(std::string_view name, std::string_view otherwise = {}) const;

 private:
  std::vector<Tag> tags_;
};

}  // namespace cleanmail::mail::auth::dkim
