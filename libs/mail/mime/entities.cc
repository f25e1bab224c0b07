#include "libs/mail/mime/entities.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/mime/encodings.h"
#include "libs/mail/mime/header_block.h"
#include "libs/mail/mime/parameters.h"

namespace cleanmail::mail::mime {
namespace {

bool IsBlank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

std::string_view Trim(std::string_view text) {
  while (!text.empty() && IsBlank(text.front())) text.remove_prefix(1);
  while (!text.empty() && IsBlank(text.back())) text.remove_suffix(1);
  return text;
}

// Goes over the lines of a message, keeping a stack of the containers it is in.
class Walk {
 public:
  Walk(std::string_view message, StructureLimits limits) : message_(message), limits_(limits) {}

  Entities Run() {
    BeginEntity(Entity::kNone, "");
    while (position_ < message_.size() && !structure().over_limit) {
      const std::string_view line = TakeLine();
      if (AtBoundary(line)) continue;
      if (in_header_) HeaderLine(line);
    }
    if (in_header_ && !structure().over_limit) EndHeader(message_.size());
    structure().unclosed = std::ranges::any_of(
        stack_, [](const Container& c) { return !c.boundary.empty() && !c.closed; });
    for (Entity& entity : found_.list) {
      if (entity.end == 0) entity.end = message_.size();
      entity.body = std::min(std::max(entity.body, entity.begin), entity.end);
    }
    return std::move(found_);
  }

 private:
  struct Container {
    size_t entity;
    std::string boundary;  // empty: a message within
    bool closed = false;   // its closing boundary was seen: an epilogue follows
    int children = 0;
  };

  Structure& structure() { return found_.structure; }
  Entity& current() { return found_.list[current_]; }

  std::string_view TakeLine() {
    line_begin_ = position_;
    const size_t end = message_.find('\n', position_);
    position_ = end == std::string_view::npos ? message_.size() : end + 1;
    return message_.substr(line_begin_, position_ - line_begin_);
  }

  void BeginEntity(size_t parent, std::string number) {
    current_ = found_.list.size();
    found_.list.push_back(
        {.number = std::move(number), .parent = parent, .begin = position_, .type = {}});
    in_header_ = true;
    header_bytes_ = 0;
    field_.clear();
    content_type_.clear();
  }

  // Where what stands before this line ends: its line end belongs to the boundary (RFC 2046
  // §5.1.1).
  size_t BeforeLine() const {
    size_t end = line_begin_;
    if (end > 0 && message_[end - 1] == '\n') --end;
    if (end > 0 && end < line_begin_ && message_[end - 1] == '\r') --end;
    return end;
  }

  // An entity ends behind its header at least. Returns where what it is in may end: not before it.
  size_t EndEntity(size_t index, size_t end) {
    Entity& entity = found_.list[index];
    if (entity.end == 0) entity.end = std::max({end, entity.begin, entity.body});
    return std::max(end, entity.end);
  }

  // A boundary of any open container ends everything inside it.
  bool AtBoundary(std::string_view line) {
    if (!line.starts_with("--") || stack_.empty()) return false;
    std::string_view mark = line.substr(2);
    while (!mark.empty() && IsBlank(mark.back())) mark.remove_suffix(1);
    for (size_t i = stack_.size(); i-- > 0;) {
      const std::string& boundary = stack_[i].boundary;
      if (boundary.empty() || stack_[i].closed || !mark.starts_with(boundary)) continue;
      const std::string_view tail = mark.substr(boundary.size());
      if (!tail.empty() && tail != "--") continue;
      if (in_header_) EndHeader(BeforeLine());
      CloseInside(i);
      if (tail.empty()) {
        BeginPart(i);
      } else {
        stack_[i].closed = true;
      }
      return true;
    }
    return false;
  }

  void CloseInside(size_t container) {
    size_t end = BeforeLine();
    // What is still open is the newest entity and the containers it is in.
    if (current_ != stack_[container].entity) end = EndEntity(current_, end);
    for (; stack_.size() > container + 1; stack_.pop_back())
      end = EndEntity(stack_.back().entity, end);
    in_header_ = false;
  }

  void BeginPart(size_t container) {
    const std::string& prefix = found_.list[stack_[container].entity].number;
    const int child = ++stack_[container].children;
    BeginEntity(stack_[container].entity,
                prefix.empty() ? base::Cat(child) : base::Cat(prefix, ".", child));
  }

  void HeaderLine(std::string_view line) {
    header_bytes_ += line.size();
    if (Trim(line).empty() && !(line.front() == ' ' || line.front() == '\t'))
      return EndHeader(position_);
    if (header_bytes_ > limits_.header_bytes) {
      structure().over_limit = true;
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
        Lower(Trim(std::string_view(field_).substr(0, colon))) == "content-type") {
      content_type_ = field_.substr(colon + 1);
    }
    field_.clear();
  }

  void EndHeader(size_t body) {
    in_header_ = false;
    KeepContentType();
    const ContentType type = ParseContentType(content_type_);
    Entity& entity = current();
    entity.body = std::max(body, entity.begin);
    entity.type = type.type.empty() || type.subtype.empty()
                      ? "text/plain"
                      : Lower(base::Cat(type.type, "/", type.subtype));
    if (entity.type.starts_with("multipart/") && !type.boundary.empty()) {
      entity.multipart = true;
      ++structure().multiparts;
      return Enter(std::string(type.boundary));
    }
    if (entity.type == "message/rfc822" || entity.type == "message/global") {
      entity.message = true;
      Enter("");
      // The message within has no number of its own: its parts are counted below its container's.
      if (!structure().over_limit) BeginEntity(current_, entity_number_);
      return;
    }
    const bool is_message = entity.parent == Entity::kNone || found_.list[entity.parent].message;
    if (is_message) entity.number += entity.number.empty() ? "1" : ".1";
    if (++structure().parts >= limits_.parts) structure().over_limit = true;
  }

  void Enter(std::string boundary) {
    entity_number_ = current().number;
    stack_.push_back({.entity = current_, .boundary = std::move(boundary)});
    structure().depth = std::max(structure().depth, stack_.size());
    if (stack_.size() >= limits_.depth) structure().over_limit = true;
  }

  const std::string_view message_;
  const StructureLimits limits_;
  Entities found_;
  size_t position_ = 0;
  size_t line_begin_ = 0;
  std::vector<Container> stack_;
  size_t current_ = 0;
  std::string entity_number_;
  bool in_header_ = false;
  size_t header_bytes_ = 0;
  std::string field_;         // the Content-Type field being read
  std::string content_type_;  // the first one of this entity
};

constexpr std::array<std::string_view, 6> kSealed = {
    "multipart/signed",         "multipart/encrypted",         "application/pkcs7-mime",
    "application/x-pkcs7-mime", "application/pkcs7-signature", "application/pgp-encrypted"};

}  // namespace

Entities FindEntities(std::string_view message, StructureLimits limits) {
  return Walk(message, limits).Run();
}

Structure Inspect(std::string_view message, StructureLimits limits) {
  return FindEntities(message, limits).structure;
}

EntityFacts FactsOf(std::string_view message, const Entity& entity) {
  EntityFacts facts;
  const auto header =
      HeaderBlock::Parse(message.substr(entity.begin, entity.body - entity.begin), {});
  const auto value = [&](std::string_view name) {
    const Field* field = header.ok() ? header->Find(name) : nullptr;
    return field == nullptr ? std::string() : std::string(field->raw_value());
  };
  const Parameters type = ParseParameters(value("Content-Type"));
  const Parameters disposition = ParseParameters(value("Content-Disposition"));
  facts.disposition = disposition.value;
  facts.encoding = ParseParameters(value("Content-Transfer-Encoding")).value;
  if (const std::string* charset = type.Find("charset")) facts.charset = Lower(*charset);
  if (const std::string* name = disposition.Find("filename")) facts.name = *name;
  if (const std::string* name = type.Find("name"); name != nullptr && facts.name.empty())
    facts.name = *name;
  facts.attachment = entity.leaf() && (!facts.name.empty() || facts.disposition == "attachment" ||
                                       !entity.type.starts_with("text/"));
  return facts;
}

std::string DecodedBody(std::string_view message, const Entity& entity, std::string_view encoding) {
  const std::string_view body = message.substr(entity.body, entity.end - entity.body);
  if (encoding == "base64") return DecodeBase64(body);
  if (encoding == "quoted-printable") return DecodeQuotedPrintable(body);
  return std::string(body);
}

bool IsSealed(const std::vector<Entity>& entities, size_t index) {
  for (; index != Entity::kNone; index = entities[index].parent) {
    if (std::ranges::find(kSealed, entities[index].type) != kSealed.end()) return true;
  }
  return false;
}

}  // namespace cleanmail::mail::mime
