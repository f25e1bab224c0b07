#include "libs/mail/mime/entities.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "libs/base/cat.h"
#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/content_fields.h"
#include "libs/mail/mime/encodings.h"
#include "libs/mail/mime/parameters.h"

namespace cleanmail::mail::mime {
namespace {

constexpr size_t kMostAmbiguities = 50;
constexpr size_t kLongestEvidence = 100;

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
  Walk(std::string_view message, StructureLimits limits, const Reading& reading)
      : message_(message), limits_(limits), reading_(reading) {}

  Entities Run() {
    BeginEntity(Entity::kNone, "");
    while (position_ < message_.size() && !structure().over_limit) {
      const std::string_view line = TakeLine();
      if (AtBoundary(line)) continue;
      if (in_header_) HeaderLine(line);
    }
    if (in_header_ && !structure().over_limit) EndHeader(message_.size());
    if (!structure().over_limit) {
      for (const Container& container : stack_) NoteEnd(container);
    }
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
    bool guess = false;         // its boundary is the first line that looks like one
    bool noted_behind = false;  // what was seen once is not said again
    bool noted_line = false;
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

  // Whether `mark`, a line behind its "--", is a boundary line of `container`; what follows the
  // boundary.
  std::optional<std::string_view> TailBehind(Container& container, std::string_view mark) {
    if (container.guess && !mark.empty()) {
      container.guess = false;
      container.boundary = mark;
    }
    const std::string& boundary = container.boundary;
    if (boundary.empty() || !mark.starts_with(boundary)) return std::nullopt;
    const std::string_view tail = mark.substr(boundary.size());
    const bool exact = tail.empty() || tail == "--";
    if (container.closed && exact) {
      if (!std::exchange(container.noted_behind, true))
        Note(AmbiguityKind::kHiddenPart, found_.list[container.entity].number, mark);
      if (!reading_.loose) return std::nullopt;
      return tail.empty() ? std::optional(tail) : std::nullopt;
    }
    if (container.closed) return std::nullopt;
    if (exact) return tail;
    // "--b junk": of a boundary that is no beginning of another one in use.
    if (!mark_in_use_) mark_in_use_ = IsBoundaryInUse(mark);
    if (*mark_in_use_) return std::nullopt;
    if (!std::exchange(container.noted_line, true))
      Note(AmbiguityKind::kBoundaryLine, found_.list[container.entity].number, mark);
    if (!reading_.loose) return std::nullopt;
    return tail.starts_with("--") ? std::string_view("--") : std::string_view();
  }

  bool IsBoundaryInUse(std::string_view mark) const {
    if (mark.ends_with("--") && IsBoundaryInUse(mark.substr(0, mark.size() - 2))) return true;
    return std::ranges::any_of(stack_, [&](const Container& c) { return c.boundary == mark; });
  }

  // A boundary of any open container ends everything inside it.
  bool AtBoundary(std::string_view line) {
    if (!line.starts_with("--") || stack_.empty()) return false;
    std::string_view mark = line.substr(2);
    while (!mark.empty() && IsBlank(mark.back())) mark.remove_suffix(1);
    mark_in_use_.reset();
    for (size_t k = 0; k < stack_.size(); ++k) {
      const size_t i = reading_.loose ? k : stack_.size() - 1 - k;
      const std::optional<std::string_view> tail = TailBehind(stack_[i], mark);
      if (!tail) continue;
      if (in_header_) EndHeader(BeforeLine());
      CloseInside(i);
      stack_[i].closed = !tail->empty();
      if (tail->empty()) BeginPart(i);
      return true;
    }
    return false;
  }

  void NoteEnd(const Container& container) {
    if (container.boundary.empty() || container.closed) return;
    structure().unclosed = true;
    Note(container.children == 0 ? AmbiguityKind::kNoBoundary : AmbiguityKind::kUnclosed,
         found_.list[container.entity].number, container.boundary);
  }

  void Note(AmbiguityKind kind, std::string_view number, std::string_view what) {
    std::vector<Ambiguity>& list = found_.ambiguities;
    if (list.size() >= kMostAmbiguities) return;
    // One of a kind and place is enough.
    for (const Ambiguity& one : list) {
      if (one.kind == kind && one.number == number) return;
    }
    list.push_back({.kind = kind,
                    .number = std::string(number),
                    .what = RepairUtf8(what.substr(0, kLongestEvidence))});
  }

  void CloseInside(size_t container) {
    size_t end = BeforeLine();
    // What is still open is the newest entity and the containers it is in.
    if (current_ != stack_[container].entity) end = EndEntity(current_, end);
    for (; stack_.size() > container + 1; stack_.pop_back()) {
      NoteEnd(stack_.back());
      end = EndEntity(stack_.back().entity, end);
    }
    in_header_ = false;
  }

  void BeginPart(size_t container) {
    const std::string& prefix = found_.list[stack_[container].entity].number;
    const int child = ++stack_[container].children;
    BeginEntity(stack_[container].entity,
                prefix.empty() ? base::Cat(child) : base::Cat(prefix, ".", child));
  }

  void HeaderLine(std::string_view line) {
    const bool first = line_begin_ == current().begin;
    const bool fold = line.front() == ' ' || line.front() == '\t';
    if (Trim(line).empty() && !fold) return EndHeader(position_);
    if (position_ - current().begin > limits_.header_bytes) {
      structure().over_limit = structure().over_header = true;
      return;
    }
    // The first line of stored mail may be "From " of an mbox.
    const bool mbox = first && current().parent == Entity::kNone && line.starts_with("From ");
    const bool text = fold ? Trim(line).empty() : !BeginsField(line) && !mbox;
    if (!text) return;
    Note(AmbiguityKind::kMissingBlankLine, current().number, Trim(line));
    if (reading_.early_body) EndHeader(fold ? position_ : line_begin_);
  }

  void NoteFields(const ContentFields& fields, const std::vector<TypeReading>& readings) {
    const std::string& number = current().number;
    if (fields.odd_name) Note(AmbiguityKind::kOddField, number, "Content-");
    if (fields.bare_cr) Note(AmbiguityKind::kBareCr, number, "");
    if (fields.nul) Note(AmbiguityKind::kNul, number, "");
    found_.type_readings = std::max(found_.type_readings, readings.size());
    for (const TypeReading& reading : readings) {
      if (reading == readings[0]) continue;
      const bool types = reading.type != readings[0].type;
      Note(types ? AmbiguityKind::kRepeatedType : AmbiguityKind::kRepeatedParameter, number,
           types ? reading.type : reading.boundary);
    }
  }

  void EndHeader(size_t body) {
    in_header_ = false;
    Entity& entity = current();
    entity.body = std::max(body, entity.begin);
    const ContentFields fields =
        ReadContentFields(message_.substr(entity.begin, entity.body - entity.begin));
    std::vector<TypeReading> readings = TypeReadings(fields);
    NoteFields(fields, readings);
    // In a digest a part without a type is a message (RFC 2046 §5.1.5).
    const bool in_digest =
        entity.parent != Entity::kNone && found_.list[entity.parent].type == "multipart/digest";
    if (fields.type.empty() && in_digest) readings = {{.type = "message/rfc822", .boundary = {}}};
    TypeReading& reading = readings[std::min(reading_.type, readings.size() - 1)];
    entity.type = std::move(reading.type);
    if (entity.type.starts_with("multipart/")) {
      if (reading.boundary.empty()) Note(AmbiguityKind::kNoBoundary, entity.number, entity.type);
      if (!reading.boundary.empty() || reading_.guess) {
        if (IsEncoded(fields)) Note(AmbiguityKind::kEncodedContainer, entity.number, entity.type);
        entity.multipart = true;
        ++structure().multiparts;
        return Enter(std::move(reading.boundary));
      }
    }
    if (entity.type == "message/rfc822" || entity.type == "message/global") {
      if (IsEncoded(fields)) {
        Note(AmbiguityKind::kEncodedContainer, entity.number, entity.type);
      } else {
        entity.message = true;
        Enter("");
        // The message within has no number of its own: its parts are counted below its
        // container's.
        if (!structure().over_limit) BeginEntity(current_, entity_number_);
        return;
      }
    }
    const bool is_message = entity.parent == Entity::kNone || found_.list[entity.parent].message;
    if (is_message) entity.number += entity.number.empty() ? "1" : ".1";
    if (++structure().parts >= limits_.parts)
      structure().over_limit = structure().over_parts = true;
  }

  // Whether the body is not there as it is: it must be decoded before it can be walked.
  static bool IsEncoded(const ContentFields& fields) {
    const std::string encoding = EncodingReadings(fields)[0];
    return encoding == "base64" || encoding == "quoted-printable";
  }

  void Enter(std::string boundary) {
    entity_number_ = current().number;
    if (!boundary.empty() && IsBoundaryInUse(boundary))
      Note(AmbiguityKind::kSameBoundary, entity_number_, boundary);
    const bool guess = current().multipart && reading_.guess;
    stack_.push_back({.entity = current_, .boundary = std::move(boundary), .guess = guess});
    structure().depth = std::max(structure().depth, stack_.size());
    if (stack_.size() >= limits_.depth) structure().over_limit = structure().over_depth = true;
  }

  const std::string_view message_;
  const StructureLimits limits_;
  const Reading reading_;
  Entities found_;
  size_t position_ = 0;
  size_t line_begin_ = 0;
  std::vector<Container> stack_;
  size_t current_ = 0;
  std::string entity_number_;
  bool in_header_ = false;
  std::optional<bool> mark_in_use_;  // whether the line looked at is somebody's boundary
};

constexpr std::array<std::string_view, 6> kSealed = {
    "multipart/signed",         "multipart/encrypted",         "application/pkcs7-mime",
    "application/x-pkcs7-mime", "application/pkcs7-signature", "application/pgp-encrypted"};

}  // namespace

Entities FindEntities(std::string_view message, StructureLimits limits, const Reading& reading) {
  return Walk(message, limits, reading).Run();
}

Structure Inspect(std::string_view message, StructureLimits limits) {
  return FindEntities(message, limits).structure;
}

EntityFacts FactsOf(std::string_view message, const Entity& entity) {
  EntityFacts facts;
  const ContentFields fields =
      ReadContentFields(message.substr(entity.begin, entity.body - entity.begin));
  const Parameters type = ParseParameters(fields.type.empty() ? "" : fields.type.front());
  if (!fields.disposition.empty())
    facts.disposition = ParseParameters(fields.disposition.front()).value;
  facts.encodings = EncodingReadings(fields);
  facts.encoding = facts.encodings.front();
  if (const std::string* charset = type.Find("charset")) facts.charset = Lower(*charset);
  const auto is = [&](std::string_view name, std::string_view value) {
    const std::string* found = type.Find(name);
    return found != nullptr && Lower(*found) == value;
  };
  facts.flowed = is("format", "flowed");
  facts.del_sp = is("delsp", "yes");
  facts.names = NameReadings(fields);
  if (!facts.names.empty()) facts.name = facts.names.front();
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
