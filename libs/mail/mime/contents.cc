#include "libs/mail/mime/contents.h"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>

#include "libs/base/cat.h"
#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::mime {
namespace {

constexpr size_t kMostAmbiguities = 100;
constexpr size_t kLongestEvidence = 100;
constexpr size_t kMostTypeReadings = 4;

// Where something was found, and how.
struct Place {
  std::string prefix;  // of its number
  std::string origin;
  size_t entity = Entity::kNone;  // kNone: the entities are the message's own
  size_t level = 0;
};

class Collector {
 public:
  Collector(std::string_view message, const Entities& entities, const ContentLimits& limits)
      : message_(message), entities_(entities), limits_(limits) {}

  Contents Run() {
    result_.ambiguities = entities_.ambiguities;
    ReadLeaves(message_, entities_, {.prefix = {}, .origin = {}});
    for (const Reading& reading : FurtherReadings()) {
      const Entities further = FindEntities(message_, limits_.structure, reading);
      ReadLeaves(message_, further, {.prefix = {}, .origin = "union"});
    }
    return std::move(result_);
  }

 private:
  // The readings that may show what the first one does not.
  std::vector<Reading> FurtherReadings() const {
    std::vector<Reading> readings;
    for (size_t i = 1; i < std::min(entities_.type_readings, kMostTypeReadings); ++i)
      readings.push_back({.type = i});
    Reading loose{.loose = true};
    Reading early{.early_body = true};
    Reading guess{.guess = true};
    for (const Ambiguity& one : entities_.ambiguities) {
      switch (one.kind) {
        case AmbiguityKind::kBoundaryLine:
        case AmbiguityKind::kSameBoundary:
        case AmbiguityKind::kHiddenPart:
          AddNew(readings, loose);
          break;
        case AmbiguityKind::kMissingBlankLine:
          AddNew(readings, early);
          break;
        case AmbiguityKind::kNoBoundary:
          AddNew(readings, guess);
          break;
        default:
          break;
      }
    }
    return readings;
  }

  static void AddNew(std::vector<Reading>& readings, const Reading& reading) {
    if (std::ranges::find(readings, reading) == readings.end()) readings.push_back(reading);
  }

  void ReadLeaves(std::string_view message, const Entities& entities, const Place& place) {
    for (size_t i = 0; i < entities.list.size(); ++i) {
      if (entities.list[i].leaf()) ReadLeaf(message, entities.list[i], i, place);
    }
  }

  void ReadLeaf(std::string_view message, const Entity& entity, size_t index, const Place& place) {
    EntityFacts facts = FactsOf(message, entity);
    Content content;
    content.number = base::Cat(place.prefix, entity.number);
    content.type = entity.type;
    content.name = facts.name;
    content.names = facts.names;
    content.disposition = facts.disposition;
    content.attachment = facts.attachment;
    content.origin = place.origin;
    content.entity = place.entity != Entity::kNone ? place.entity
                     : place.origin.empty()        ? index
                                                   : Enclosing(entity.begin);
    content.bytes = DecodedBody(message, entity, facts.encoding);
    Add(std::move(content), facts);
  }

  // The innermost entity of the first reading around that position.
  size_t Enclosing(size_t position) const {
    size_t found = 0;
    for (size_t i = 0; i < entities_.list.size(); ++i) {
      const Entity& entity = entities_.list[i];
      if (entity.begin <= position && position < std::max(entity.end, entity.begin + 1)) found = i;
    }
    return found;
  }

  void Add(Content content, const EntityFacts& facts) {
    content.text = content.type.starts_with("text/");
    if (content.text) ReadText(content, facts);
    const auto key = std::pair(std::hash<std::string_view>()(content.decoded()),
                               base::Cat(content.type, "/", content.name));
    const bool is_new = seen_.insert(key).second;
    if (content.origin == "union" && !is_new) return;
    if (result_.list.size() >= limits_.contents) {
      result_.over_contents = true;
      return;
    }
    bytes_ += content.bytes.size() + content.original.size();
    if (bytes_ > limits_.bytes) {
      result_.over_bytes = true;
      return;
    }
    if (content.origin == "union") result_.differs = true;
    result_.list.push_back(std::move(content));
  }

  void ReadText(Content& content, const EntityFacts& facts) {
    DecodedText text = DecodeText(facts.charset, content.bytes);
    if (text.utf7) Note(AmbiguityKind::kUtf7, content.number, facts.charset);
    if (text.unknown) Note(AmbiguityKind::kUnknownCharset, content.number, facts.charset);
    if (text.malformed) Note(AmbiguityKind::kCharset, content.number, facts.charset);
    content.charset = std::move(text.charset);
    if (text.utf8 == content.bytes) return;
    content.original = std::move(content.bytes);
    content.bytes = std::move(text.utf8);
  }

  void Note(AmbiguityKind kind, std::string_view number, std::string_view what) {
    if (result_.ambiguities.size() >= kMostAmbiguities) return;
    result_.ambiguities.push_back({.kind = kind,
                                   .number = std::string(number),
                                   .what = RepairUtf8(what.substr(0, kLongestEvidence))});
  }

  const std::string_view message_;
  const Entities& entities_;
  const ContentLimits& limits_;
  Contents result_;
  std::set<std::pair<size_t, std::string>> seen_;
  size_t bytes_ = 0;
};

}  // namespace

Contents ReadContents(std::string_view message, const Entities& entities,
                      const ContentLimits& limits) {
  return Collector(message, entities, limits).Run();
}

}  // namespace cleanmail::mail::mime
