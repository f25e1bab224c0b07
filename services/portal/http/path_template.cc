#include "services/portal/http/path_template.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/json.h"
#include "libs/base/status_macros.h"

namespace cleanmail::portal {
namespace {

std::vector<std::string_view> Split(std::string_view text) {
  std::vector<std::string_view> parts;
  while (true) {
    const size_t slash = text.find('/');
    parts.push_back(text.substr(0, slash));
    if (slash == std::string_view::npos) return parts;
    text.remove_prefix(slash + 1);
  }
}

// `holds` → `hold`, `policies` → `policy`, `addresses` → `address`.
std::string Singular(std::string_view collection) {
  if (collection.ends_with("ies"))
    return base::Cat(collection.substr(0, collection.size() - 3), "y");
  if (collection.ends_with("sses") || collection.ends_with("xes") || collection.ends_with("ches"))
    return std::string(collection.substr(0, collection.size() - 2));
  if (collection.ends_with("s")) return std::string(collection.substr(0, collection.size() - 1));
  return std::string(collection);
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// A segment as a resource name may hold it.
std::optional<std::string> Segment(std::string_view raw) {
  std::optional<std::string> segment = PercentDecoded(raw);
  if (!segment.has_value() || segment->empty() || !base::IsUtf8(*segment)) return std::nullopt;
  const bool is_clean = std::ranges::none_of(
      *segment, [](unsigned char c) { return c < 0x20 || c == 0x7f || c == '/'; });
  if (!is_clean) return std::nullopt;
  return segment;
}

}  // namespace

std::optional<std::string> PercentDecoded(std::string_view text, bool plus_is_space) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      bytes += ' ';
    } else if (text[i] != '%') {
      bytes += text[i];
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const int high = HexDigit(text[i + 1]);
      const int low = HexDigit(text[i + 2]);
      if (high < 0 || low < 0) return std::nullopt;
      bytes += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return bytes;
}

absl::StatusOr<PathTemplate> PathTemplate::Parse(std::string_view text) {
  const absl::Status wrong = absl::InvalidArgumentError(base::Cat("not a path template: ", text));
  if (!text.starts_with('/')) return wrong;
  PathTemplate result;
  // The verb stands behind the last colon that is outside braces.
  const size_t colon = text.rfind(':');
  const size_t brace = text.rfind('}');
  if (colon != std::string_view::npos && (brace == std::string_view::npos || colon > brace)) {
    result.verb_ = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  std::string_view rest = text.substr(1);
  std::string collection;
  const auto add = [&](std::string_view part, int variable) {
    PathTemplate::Segment segment{
        .literal = part == "*" ? "" : std::string(part), .parameter = {}, .variable = variable};
    if (segment.literal.empty()) segment.parameter = Singular(collection);
    collection = segment.literal;
    result.segments_.push_back(std::move(segment));
  };
  while (!rest.empty()) {
    if (!rest.starts_with('{')) {
      const std::string_view part = rest.substr(0, rest.find('/'));
      if (part.empty()) return wrong;
      add(part, -1);
      rest.remove_prefix(std::min(rest.size(), part.size() + 1));
      continue;
    }
    const size_t end = rest.find('}');
    if (end == std::string_view::npos) return wrong;
    const std::string_view inside = rest.substr(1, end - 1);
    const size_t equals = inside.find('=');
    const auto index = static_cast<int>(result.variables_.size());
    result.variables_.emplace_back(inside.substr(0, equals));
    const std::string_view pattern =
        equals == std::string_view::npos ? std::string_view("*") : inside.substr(equals + 1);
    for (const std::string_view part : Split(pattern)) {
      if (part.empty()) return wrong;
      add(part, index);
    }
    rest.remove_prefix(std::min(rest.size(), end + 2));
  }
  if (result.segments_.empty()) return wrong;
  return result;
}

std::optional<std::vector<std::pair<std::string, std::string>>> PathTemplate::Match(
    std::string_view path) const {
  if (!path.starts_with('/')) return std::nullopt;
  path.remove_prefix(1);
  if (!verb_.empty()) {
    const std::string suffix = base::Cat(":", verb_);
    if (!path.ends_with(suffix)) return std::nullopt;
    path.remove_suffix(suffix.size());
  }
  const std::vector<std::string_view> parts = Split(path);
  if (parts.size() != segments_.size()) return std::nullopt;
  std::vector<std::pair<std::string, std::string>> values;
  for (const std::string& variable : variables_) values.emplace_back(variable, "");
  for (size_t i = 0; i < parts.size(); ++i) {
    std::optional<std::string> segment = portal::Segment(parts[i]);
    if (!segment.has_value()) return std::nullopt;
    if (!segments_[i].literal.empty() && segments_[i].literal != *segment) return std::nullopt;
    if (segments_[i].variable < 0) continue;
    std::string& value = values[static_cast<size_t>(segments_[i].variable)].second;
    if (!value.empty()) value += '/';
    value += *segment;
  }
  return values;
}

std::string PathTemplate::Printed() const {
  std::string printed;
  for (const PathTemplate::Segment& segment : segments_) {
    printed += segment.literal.empty() ? base::Cat("/{", segment.parameter, "}")
                                       : base::Cat("/", segment.literal);
  }
  return verb_.empty() ? printed : base::Cat(printed, ":", verb_);
}

std::vector<std::string> PathTemplate::parameters() const {
  std::vector<std::string> names;
  for (const PathTemplate::Segment& segment : segments_) {
    if (segment.literal.empty()) names.push_back(segment.parameter);
  }
  return names;
}

std::vector<std::string> PathTemplate::variables() const { return variables_; }

}  // namespace cleanmail::portal
