#include "libs/mail/mime/header_block.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::mail::mime {
namespace {

bool SameName(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(base::AbslView(a), base::AbslView(b));
}

bool IsBlank(char c) { return c == ' ' || c == '\t'; }

// The name of a field line, empty if it is none: printable ASCII before a colon (RFC 5322 §3.6.8;
// white space before the colon is the obsolete form of §4.5).
std::string_view NameOf(std::string_view raw) {
  const size_t colon = raw.find(':');
  if (colon == std::string_view::npos) return {};
  std::string_view name = raw.substr(0, colon);
  while (!name.empty() && IsBlank(name.back())) name.remove_suffix(1);
  const bool printable =
      std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
  return printable ? name : std::string_view();
}

// The line at the start of `text` with its end.
std::string_view LineAt(std::string_view text) {
  const size_t end = text.find('\n');
  return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

std::string_view WithoutLineEnd(std::string_view text) {
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

// `value` with nothing in it that could end the field: line ends stay only where white space
// follows.
std::string SafeValue(std::string_view value) {
  std::string safe;
  safe.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    const bool fold =
        c == '\r' && i + 2 < value.size() && value[i + 1] == '\n' && IsBlank(value[i + 2]);
    if (fold) {
      safe += "\r\n";
      ++i;
    } else if (static_cast<unsigned char>(c) >= 0x20 || c == '\t') {
      if (c != 0x7f) safe += c;
    }
  }
  return safe;
}

}  // namespace

std::string_view Field::raw_value() const {
  const size_t colon = raw.find(':');
  if (name.empty() || colon == std::string_view::npos) return WithoutLineEnd(raw);
  return WithoutLineEnd(raw.substr(colon + 1));
}

std::string Field::value() const {
  constexpr std::string_view kWhite = " \t\r\n";
  std::string_view folded = raw_value();
  const size_t first = folded.find_first_not_of(kWhite);
  if (first == std::string_view::npos) return {};
  folded = folded.substr(first, folded.find_last_not_of(kWhite) + 1 - first);
  std::string unfolded;
  unfolded.reserve(folded.size());
  while (true) {
    const size_t end = folded.find_first_of("\r\n");
    unfolded += folded.substr(0, end);
    if (end == std::string_view::npos) return unfolded;
    folded.remove_prefix(end + 1);
  }
}

absl::StatusOr<HeaderBlock> HeaderBlock::Parse(std::string_view message, HeaderLimits limits) {
  HeaderBlock block;
  size_t at = 0;
  while (at < message.size()) {
    const std::string_view line = LineAt(message.substr(at));
    if (line == "\r\n" || line == "\n") {
      block.separator_ = line;
      at += line.size();
      break;
    }
    if (at + line.size() > limits.bytes)
      return absl::ResourceExhaustedError("the header is too long");
    if (IsBlank(line.front()) && !block.fields_.empty()) {
      Field& last = block.fields_.back();
      last.raw = std::string_view(last.raw.data(), last.raw.size() + line.size());
    } else {
      if (block.fields_.size() == limits.fields)
        return absl::ResourceExhaustedError("the header has too many fields");
      block.fields_.push_back({.raw = line, .name = NameOf(line)});
    }
    at += line.size();
  }
  block.body_offset_ = at;
  return block;
}

const Field* HeaderBlock::Find(std::string_view name) const {
  const auto found = std::find_if(fields_.begin(), fields_.end(),
                                  [&](const Field& f) { return SameName(f.name, name); });
  return found == fields_.end() ? nullptr : &*found;
}

size_t HeaderBlock::Count(std::string_view name) const {
  return std::count_if(fields_.begin(), fields_.end(),
                       [&](const Field& f) { return SameName(f.name, name); });
}

std::string_view HeaderBlock::Keep(std::string text) {
  kept_.push_back(std::move(text));
  return kept_.back();
}

Field HeaderBlock::MakeField(std::string_view name, std::string_view value) {
  const std::string_view raw = Keep(base::Cat(name, ": ", SafeValue(value), "\r\n"));
  return {.raw = raw, .name = raw.substr(0, name.size())};
}

void HeaderBlock::Prepend(std::string_view name, std::string_view value) {
  fields_.insert(fields_.begin(), MakeField(name, value));
}

void HeaderBlock::Append(std::string_view name, std::string_view value) {
  if (!fields_.empty() && !fields_.back().raw.ends_with('\n')) {
    Field& last = fields_.back();
    const size_t name_size = last.name.size();
    last.raw = Keep(base::Cat(last.raw, "\r\n"));
    last.name = last.raw.substr(0, name_size);
  }
  fields_.push_back(MakeField(name, value));
}

void HeaderBlock::Replace(size_t index, std::string_view value) {
  fields_[index] = MakeField(std::string(fields_[index].name), value);
}

size_t HeaderBlock::Remove(std::string_view name) {
  return std::erase_if(fields_,
                       [&](const Field& f) { return !f.name.empty() && SameName(f.name, name); });
}

size_t HeaderBlock::RemoveByPrefix(std::string_view prefix) {
  return std::erase_if(fields_, [&](const Field& f) {
    return !f.name.empty() &&
           absl::StartsWithIgnoreCase(base::AbslView(f.name), base::AbslView(prefix));
  });
}

std::string HeaderBlock::Bytes() const {
  size_t bytes = 4;
  for (const Field& field : fields_) bytes += field.raw.size();
  std::string text;
  text.reserve(bytes);
  for (const Field& field : fields_) text += field.raw;
  text += separator_;
  return text;
}

std::string HeaderBlock::ToString() const {
  std::string text = Bytes();
  if (!separator_.empty()) return text;
  if (!text.empty() && !text.ends_with('\n')) text += "\r\n";
  text += "\r\n";
  return text;
}

}  // namespace cleanmail::mail::mime
