#include "libs/mail/mime/outside.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::mail::mime {
namespace {

constexpr size_t kLongestSentence = 200;

bool StartsWith(std::string_view text, std::string_view start) {
  return absl::StartsWithIgnoreCase(base::AbslView(text), base::AbslView(start));
}

std::string_view LineAt(std::string_view text) {
  const size_t end = text.find('\n');
  return end == std::string_view::npos ? text : text.substr(0, end + 1);
}

bool IsPartField(std::string_view line) {
  return StartsWith(line, "content-type:") || StartsWith(line, "content-disposition:") ||
         StartsWith(line, "content-transfer-encoding:");
}

bool BeginsFile(std::string_view line) {
  return line.starts_with("begin ") || line.starts_with("begin-base64 ") ||
         line.starts_with("=ybegin ");
}

void Judge(Outside& outside) {
  size_t at = 0;
  while (at < outside.text.size()) {
    const std::string_view line = LineAt(outside.text.substr(at));
    if (BeginsFile(line)) outside.hides_part = true;
    if (outside.header == std::string_view::npos && IsPartField(line)) {
      outside.hides_part = true;
      outside.header = at;
    }
    at += line.size();
  }
}

// Where the parts of a multipart begin and end.
struct Extent {
  size_t first = std::string_view::npos;
  size_t last = 0;
};

}  // namespace

std::vector<Outside> FindOutside(std::string_view message, const Entities& entities) {
  std::vector<Extent> extents(entities.list.size());
  for (const Entity& entity : entities.list) {
    if (entity.parent == Entity::kNone) continue;
    Extent& extent = extents[entity.parent];
    if (extent.first == std::string_view::npos) extent.first = entity.begin;
    extent.last = std::max(extent.last, entity.end);
  }
  std::vector<Outside> found;
  const auto add = [&](size_t container, size_t begin, size_t end, bool epilogue) {
    if (begin >= end || end > message.size()) return;
    Outside outside{.text = message.substr(begin, end - begin), .container = container};
    outside.epilogue = epilogue;
    outside.whole_body = extents[container].first == std::string_view::npos;
    if (outside.text.find_first_not_of(" \t\r\n") == std::string_view::npos) return;
    Judge(outside);
    if (outside.hides_part || outside.whole_body || outside.text.size() > kLongestSentence)
      found.push_back(outside);
  };
  for (size_t i = 0; i < entities.list.size(); ++i) {
    const Entity& entity = entities.list[i];
    if (!entity.multipart) continue;
    const Extent& extent = extents[i];
    if (extent.first == std::string_view::npos) {
      add(i, entity.body, entity.end, false);
      continue;
    }
    // The boundary line itself is not outside.
    const size_t line_end = extent.first == 0 ? 0 : extent.first - 1;
    const size_t line = line_end == 0 ? std::string_view::npos : message.rfind('\n', line_end - 1);
    if (line != std::string_view::npos) add(i, entity.body, line + 1, false);
    if (extent.last >= entity.end) continue;
    const std::string_view rest = message.substr(extent.last, entity.end - extent.last);
    const size_t closing = rest.find("\n--");
    const size_t behind =
        closing == std::string_view::npos ? closing : rest.find('\n', closing + 1);
    if (behind != std::string_view::npos) add(i, extent.last + behind + 1, entity.end, true);
  }
  return found;
}

std::string RemoveEncoding(std::string_view header) {
  std::string kept;
  bool drop = false;
  while (!header.empty()) {
    const std::string_view line = LineAt(header);
    const bool fold = line.front() == ' ' || line.front() == '\t';
    if (!fold) drop = StartsWith(line, "content-transfer-encoding");
    if (!drop) kept += line;
    header.remove_prefix(line.size());
  }
  return kept;
}

}  // namespace cleanmail::mail::mime
