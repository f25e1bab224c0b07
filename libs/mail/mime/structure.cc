#include "libs/mail/mime/structure.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::mail::mime {
namespace {

bool Same(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(base::AbslView(a), base::AbslView(b));
}

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Goes over the lines of a message, keeping a stack of the containers it is in.
class Walk {
 public:
  Walk(std::string_view message, StructureLimits limits) : rest_(message), limits_(limits) {}

  Structure Run() {
    BeginEntity();
    while (!rest_.empty() && !structure_.over_limit) {
      const std::string_view line = TakeLine();
      if (AtBoundary(line)) continue;
      if (in_header_) HeaderLine(line);
    }
    if (in_header_ && !structure_.over_limit) EndHeader();
    structure_.unclosed = std::any_of(stack_.begin(), stack_.end(), [](const Container& c) {
      return !c.boundary.empty() && !c.closed;
    });
    return structure_;
  }

 private:
  struct Container {
    std::string boundary;  // empty: a message within
    bool closed = false;   // its closing boundary was seen: an epilogue follows
  };

  std::string_view TakeLine() {
    const size_t end = rest_.find('\n');
    const std::string_view line =
        rest_.substr(0, end == std::string_view::npos ? rest_.size() : end + 1);
    rest_.remove_prefix(line.size());
    return line;
  }

  void BeginEntity() {
    in_header_ = true;
    header_bytes_ = 0;
    field_.clear();
    content_type_.clear();
  }

  // A boundary of any open container ends everything inside it.
  bool AtBoundary(std::string_view line) {
    if (!line.starts_with("--") || stack_.empty()) return false;
    std::string_view mark = line.substr(2);
    while (!mark.empty() && IsBlank(mark.back())) mark.remove_suffix(1);
    for (size_t i = stack_.size(); i-- > 0;) {
      Container& container = stack_[i];
      if (container.boundary.empty() || container.closed || !mark.starts_with(container.boundary))
        continue;
      const std::string_view tail = mark.substr(container.boundary.size());
      if (!tail.empty() && tail != "--") continue;
      if (in_header_) EndHeader();
      stack_.resize(std::min(stack_.size(), i + 1));
      in_header_ = false;
      if (tail.empty()) {
        BeginEntity();
      } else {
        stack_[i].closed = true;
      }
      return true;
    }
    return false;
  }

  void HeaderLine(std::string_view line) {
    header_bytes_ += line.size();
    if (Trim(line).empty() && !(line.front() == ' ' || line.front() == '\t')) return EndHeader();
    if (header_bytes_ > limits_.header_bytes) {
      structure_.over_limit = true;
      return;
    }
    if (line.front() == ' ' || line.front() == '\t') {
      if (!field_.empty()) field_ += line;
      return;
    }
    KeepContentType();
    if (absl::StartsWithIgnoreCase(base::AbslView(line), "content-type")) field_ = line;
  }

  void KeepContentType() {
    if (field_.empty()) return;
    const size_t colon = field_.find(':');
    if (colon != std::string::npos && content_type_.empty() &&
        Same(Trim(field_.substr(0, colon)), "content-type")) {
      content_type_ = field_.substr(colon + 1);
    }
    field_.clear();
  }

  void EndHeader() {
    in_header_ = false;
    KeepContentType();
    const ContentType type = ParseContentType(content_type_);
    if (Same(type.type, "multipart") && !type.boundary.empty()) {
      ++structure_.multiparts;
      return Enter({.boundary = std::string(type.boundary)}, /*entity=*/false);
    }
    if (Same(type.type, "message") &&
        (Same(type.subtype, "rfc822") || Same(type.subtype, "global"))) {
      return Enter({}, /*entity=*/true);
    }
    if (++structure_.parts >= limits_.parts) structure_.over_limit = true;
  }

  void Enter(Container container, bool entity) {
    stack_.push_back(std::move(container));
    structure_.depth = std::max(structure_.depth, stack_.size());
    if (stack_.size() >= limits_.depth) structure_.over_limit = true;
    if (entity) BeginEntity();
  }

  std::string_view rest_;
  const StructureLimits limits_;
  Structure structure_;
  std::vector<Container> stack_;
  bool in_header_ = false;
  size_t header_bytes_ = 0;
  std::string field_;         // the Content-Type field being read
  std::string content_type_;  // the first one of this entity
};

}  // namespace

ContentType ParseContentType(std::string_view value) {
  ContentType result;
  size_t semicolon = std::min(value.find(';'), value.size());
  const std::string_view full = Trim(value.substr(0, semicolon));
  const size_t slash = std::min(full.find('/'), full.size());
  result.type = Trim(full.substr(0, slash));
  if (slash < full.size()) result.subtype = Trim(full.substr(slash + 1));
  while (semicolon < value.size()) {
    value.remove_prefix(semicolon + 1);
    const size_t equals = value.find_first_of("=;");
    if (equals == std::string_view::npos) break;
    const std::string_view name = Trim(value.substr(0, equals));
    if (value[equals] == ';') {
      semicolon = equals;
      continue;
    }
    std::string_view rest = value.substr(equals + 1);
    while (!rest.empty() && IsBlank(rest.front())) rest.remove_prefix(1);
    std::string_view content;
    if (rest.starts_with('"')) {
      const size_t end = std::min(rest.find('"', 1), rest.size());
      content = rest.substr(1, end - 1);
      rest.remove_prefix(end);
      semicolon = rest.find(';');
    } else {
      semicolon = rest.find(';');
      content = Trim(rest.substr(0, semicolon));
    }
    if (result.boundary.empty() && Same(name, "boundary")) result.boundary = content;
    value = rest;
  }
  return result;
}

Structure Inspect(std::string_view message, StructureLimits limits) {
  return Walk(message, limits).Run();
}

}  // namespace cleanmail::mail::mime
