#include "libs/mail/auth/dkim/tag_list.h"

#include <algorithm>

#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dkim {
namespace {

bool IsName(std::string_view name) {
  return !name.empty() && IsAlpha(name[0]) &&
         std::all_of(name.begin(), name.end(), [](char c) { return IsAlnum(c) || c == '_'; });
}

// Printable, folds, and UTF-8 as RFC 6532 lets in.
bool IsValue(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) {
    return IsSpace(c) || static_cast<unsigned char>(c) >= 0x80 || (c > 0x20 && c < 0x7F);
  });
}

}  // namespace

absl::StatusOr<TagList> TagList::Parse(std::string_view text) {
  TagList list;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(';', at), text.size());
    const std::string_view piece = text.substr(at, end - at);
    const size_t equals = piece.find('=');
    if (Trim(piece).empty() && Trim(text.substr(end)).size() <= 1 && !list.tags_.empty())
      break;  // the one semicolon that may end a list
    if (equals == piece.npos) return absl::InvalidArgumentError("not a list of tags");
    const Tag tag{.name = Trim(piece.substr(0, equals)),
                  .value = Trim(piece.substr(equals + 1)),
                  .begin = at + equals + 1,
                  .end = end};
    if (!IsName(tag.name) || !IsValue(tag.value))
      return absl::InvalidArgumentError("not a list of tags");
    if (list.Find(tag.name) != nullptr) return absl::InvalidArgumentError("a tag stands twice");
    if (list.tags_.size() >= kMaxTags) return absl::InvalidArgumentError("too many tags");
    list.tags_.push_back(tag);
    at = end + 1;
  }
  if (list.tags_.empty()) return absl::InvalidArgumentError("no tags");
  return list;
}

const Tag* TagList::Find(std::string_view name) const {
  const auto found =
      std::find_if(tags_.begin(), tags_.end(), [name](const Tag& tag) { return tag.name == name; });
  return found == tags_.end() ? nullptr : &*found;
}

std::string_view TagList::Value(std::string_view name, std::string_view otherwise) const {
  const Tag* const tag = Find(name);
  return tag == nullptr ? otherwise : tag->value;
}

}  // namespace cleanmail::mail::auth::dkim
