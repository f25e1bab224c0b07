#include "libs/mail/mime/contents.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/cms.h"
#include "libs/mail/mime/embedded_files.h"
#include "libs/mail/mime/encodings.h"
#include "libs/mail/mime/flowed.h"
#include "libs/mail/mime/outside.h"
#include "libs/mail/mime/tnef.h"

namespace cleanmail::mail::mime {
namespace {

constexpr size_t kMostAmbiguities = 100;
constexpr size_t kLongestEvidence = 100;
constexpr size_t kMostTypeReadings = 4;
constexpr size_t kMostGuesses = 50;
constexpr size_t kMetaWithin = 2048;  // where a page says its character set

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return lower;
}

// The character set an HTML page names itself (`<meta charset=...>`); empty without one.
std::string MetaCharset(std::string_view html) {
  const std::string head = Lower(html.substr(0, kMetaWithin));
  const size_t meta = head.find("<meta");
  const size_t at = meta == std::string::npos ? meta : head.find("charset=", meta);
  if (at == std::string::npos) return {};
  std::string_view value = std::string_view(head).substr(at + 8);
  if (value.starts_with('"') || value.starts_with('\'')) value.remove_prefix(1);
  return std::string(value.substr(0, value.find_first_of("\"' />;")));
}

bool IsCms(std::string_view type, std::string_view name) {
  return type == "application/pkcs7-mime" || type == "application/x-pkcs7-mime" ||
         absl::EndsWithIgnoreCase(base::AbslView(name), base::AbslView(".p7m"));
}

bool IsKnownEncoding(std::string_view encoding) {
  return encoding.empty() || encoding == "7bit" || encoding == "8bit" || encoding == "binary" ||
         encoding == "base64" || encoding == "quoted-printable" ||
         encoding.find("uue") != std::string_view::npos;
}

std::string ExtensionOf(std::string_view name) {
  const size_t dot = name.rfind('.');
  const std::string extension =
      dot == std::string_view::npos ? std::string() : Lower(name.substr(dot + 1));
  // A signature's name comes with and without it.
  return extension == "asc" ? "" : extension;
}

// Whether two of the names say different kinds of files.
bool NamesDiffer(const std::vector<std::string>& names) {
  return std::ranges::any_of(names, [&](const std::string& name) {
    const std::string extension = ExtensionOf(name);
    return !extension.empty() && extension != ExtensionOf(names.front());
  });
}

// Without NUL, a carriage return alone a line end: what programs see that read so.
std::string Cleaned(std::string_view message) {
  std::string clean;
  clean.reserve(message.size());
  for (size_t i = 0; i < message.size(); ++i) {
    if (message[i] == '\0') continue;
    clean += message[i];
    if (message[i] == '\r' && (i + 1 == message.size() || message[i + 1] != '\n')) clean += '\n';
  }
  return clean;
}

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
    ReadEntities(message_, entities_, {.prefix = {}, .origin = {}});
    const bool lone_returns = HasLoneReturns();
    further_ = true;
    for (const Reading& reading : FurtherReadings()) {
      const Entities further = FindEntities(message_, limits_.structure, reading);
      ReadEntities(message_, further, {.prefix = {}, .origin = "union"});
    }
    if (lone_returns) {
      const std::string clean = Cleaned(message_);
      ReadEntities(clean, FindEntities(clean, limits_.structure),
                   {.prefix = {}, .origin = "union", .entity = 0});
    }
    return std::move(result_);
  }

 private:
  // The readings that may show what the first one does not.
  std::vector<Reading> FurtherReadings() const {
    std::vector<Reading> readings;
    for (size_t i = 1; i < std::min(entities_.type_readings, kMostTypeReadings); ++i)
      readings.push_back({.type = i});
    const auto add = [&](const Reading& reading) {
      if (std::ranges::find(readings, reading) == readings.end()) readings.push_back(reading);
    };
    for (const Ambiguity& one : entities_.ambiguities) {
      if (one.kind == AmbiguityKind::kBoundaryLine || one.kind == AmbiguityKind::kSameBoundary ||
          one.kind == AmbiguityKind::kHiddenPart)
        add({.loose = true});
      if (one.kind == AmbiguityKind::kMissingBlankLine) add({.early_body = true});
      if (one.kind == AmbiguityKind::kNoBoundary) add({.guess = true});
    }
    return readings;
  }

  bool HasLoneReturns() {
    for (const Ambiguity& one : entities_.ambiguities) {
      if (one.kind == AmbiguityKind::kBareCr || one.kind == AmbiguityKind::kNul) return true;
    }
    const bool found = message_.find("\r--") != std::string_view::npos ||
                       message_.find("\rContent-") != std::string_view::npos;
    if (found) Note(AmbiguityKind::kBareCr, "", "");
    return found;
  }

  void ReadEntities(std::string_view message, const Entities& entities, const Place& place) {
    for (size_t i = 0; i < entities.list.size(); ++i) {
      MarkType(entities.list[i].type);
      if (entities.list[i].leaf()) ReadLeaf(message, entities.list[i], i, place);
    }
    if (place.origin != "union" && !entities.structure.over_limit)
      ReadOutside(message, entities, place);
    if (entities.structure.over_limit && place.level > 0) result_.over_contents = true;
    for (const Entity& entity : entities.list) {
      if (entity.multipart && place.level < 2) ReadEncodedContainer(message, entity, place);
    }
  }

  void ReadMessage(std::string_view message, const Place& place) {
    if (place.level > limits_.levels) {
      result_.over_levels = true;
      return;
    }
    const Entities entities = FindEntities(message, limits_.structure);
    for (const Ambiguity& one : entities.ambiguities)
      Note(one.kind, base::Cat(place.prefix, one.number), one.what);
    ReadEntities(message, entities, place);
  }

  void MarkType(std::string_view type) {
    if (type == "application/pgp-signature") result_.pgp_signed = true;
    if (type == "multipart/encrypted" || type == "application/pgp-encrypted")
      result_.pgp_encrypted = true;
    if (type == "application/pkcs7-signature" || type == "application/x-pkcs7-signature")
      result_.smime_signed = true;
    if (type == "message/partial") result_.partial = true;
    if (type == "message/external-body") result_.external_body = true;
  }

  size_t IndexFor(const Entity& entity, size_t index, const Place& place) const {
    if (place.entity != Entity::kNone) return place.entity;
    return place.origin.empty() ? index : Enclosing(entity.begin);
  }

  // The innermost entity of the first reading around that position.
  size_t Enclosing(size_t position) const {
    const std::vector<Entity>& list = entities_.list;
    const auto behind = std::ranges::upper_bound(list, position, {}, &Entity::begin);
    size_t found = behind == list.begin() ? 0 : static_cast<size_t>(behind - list.begin()) - 1;
    while (found != 0 && list[found].end <= position) found = list[found].parent;
    return found;
  }

  void ReadLeaf(std::string_view message, const Entity& entity, size_t index, const Place& place) {
    const EntityFacts facts = FactsOf(message, entity);
    Content content;
    content.number = base::Cat(place.prefix, entity.number);
    content.type = entity.type;
    content.name = facts.name;
    content.names = facts.names;
    content.disposition = facts.disposition;
    content.attachment = facts.attachment;
    content.origin = place.origin;
    content.entity = IndexFor(entity, index, place);
    if (NamesDiffer(facts.names)) {
      Note(AmbiguityKind::kNames, content.number, facts.names.front());
      result_.differs = true;
    }
    if (facts.encodings.size() > 1 || !IsKnownEncoding(facts.encoding))
      Note(AmbiguityKind::kRepeatedEncoding, content.number, facts.encodings.back());
    const std::string_view body = message.substr(entity.body, entity.end - entity.body);
    bool first = true;
    for (const std::string& encoding : facts.encodings) {
      for (std::string& bytes : Decode(body, encoding, content)) {
        Content one = content;
        one.bytes = std::move(bytes);
        if (!std::exchange(first, false)) one.origin = "union";
        Add(std::move(one), facts, place.level);
      }
    }
  }

  // What programs make of a body in that encoding, the likeliest first; never empty.
  std::vector<std::string> Decode(std::string_view body, std::string_view encoding,
                                  Content& content) {
    std::vector<std::string> results;
    if (encoding == "base64") {
      Base64Readings readings = ReadBase64(body);
      results.push_back(std::move(readings.first));
      if (readings.past_padding || readings.strict)
        Note(AmbiguityKind::kBase64, content.number, "");
      if (readings.past_padding) results.push_back(*std::move(readings.past_padding));
      if (readings.strict) results.push_back(*std::move(readings.strict));
    } else if (encoding == "quoted-printable") {
      results.push_back(DecodeQuotedPrintable(body));
    } else if (encoding.find("uue") != std::string_view::npos) {
      std::vector<EmbeddedFile> files = FindEmbeddedFiles(body, 1);
      results.push_back(files.empty() ? std::string(body) : std::move(files[0].bytes));
      if (!files.empty() && std::ranges::find(content.names, files[0].name) == content.names.end())
        content.names.push_back(RepairUtf8(files[0].name));
      if (content.name.empty() && !content.names.empty()) content.name = content.names.front();
    } else {
      results.emplace_back(body);
    }
    return results;
  }

  // A file found within something.
  void AddFile(std::vector<std::string> names, std::string type, std::string bytes,
               const Place& place) {
    Content content;
    content.number = place.prefix;
    content.type = std::move(type);
    for (const std::string& name : names) content.names.push_back(RepairUtf8(name));
    std::erase(content.names, "");
    if (!content.names.empty()) content.name = content.names.front();
    content.bytes = std::move(bytes);
    content.origin = place.origin;
    content.entity = place.entity == Entity::kNone ? 0 : place.entity;
    content.attachment = !content.name.empty() || !content.type.starts_with("text/");
    Add(std::move(content), {}, place.level);
  }

  void Add(Content content, const EntityFacts& facts, size_t level) {
    if (level > limits_.levels) {
      result_.over_levels = true;
      return;
    }
    content.text = content.type.starts_with("text/");
    if (content.text) ReadText(content, facts);
    const auto key = std::pair(std::hash<std::string_view>()(content.decoded()),
                               base::Cat(content.type, "/", content.name));
    const bool is_new = seen_.insert(key).second;
    if (content.origin == "union" && !is_new) return;
    bytes_ += content.bytes.size() + content.original.size();
    result_.over_contents = result_.over_contents || result_.list.size() >= limits_.contents;
    result_.over_bytes = result_.over_bytes || bytes_ > limits_.bytes;
    if (result_.over_contents || result_.over_bytes) return;
    if (content.origin == "union") result_.differs = true;
    const size_t index = result_.list.size();
    result_.list.push_back(std::move(content));
    Expand(index, level);
  }

  void ReadText(Content& content, const EntityFacts& facts) {
    std::string charset = facts.charset;
    if (charset.empty() && content.type == "text/html") charset = MetaCharset(content.bytes);
    DecodedText text = DecodeText(charset, content.bytes, guesses_ < kMostGuesses);
    guesses_ += text.guessed ? 1 : 0;
    if (text.utf7) Note(AmbiguityKind::kUtf7, content.number, charset);
    if (text.unknown) Note(AmbiguityKind::kUnknownCharset, content.number, charset);
    if (text.malformed) Note(AmbiguityKind::kCharset, content.number, charset);
    content.charset = std::move(text.charset);
    if (facts.flowed && content.type == "text/plain")
      text.utf8 = JoinFlowed(text.utf8, facts.del_sp);
    if (text.utf8 == content.bytes) return;
    content.original = std::move(content.bytes);
    content.bytes = std::move(text.utf8);
  }

  // Adds what is within the content at `index`.
  void Expand(size_t index, size_t level) {
    // Adding moves the list's elements: what is read from stands beside it meanwhile.
    Content content = std::move(result_.list[index]);
    Place place{.prefix = base::Cat(content.number, "/"),
                .origin = content.origin == "union" ? "union" : "",
                .entity = content.entity,
                .level = level + 1};
    const auto within = [&](std::string_view origin) {
      Place there = place;
      if (there.origin.empty()) there.origin = origin;
      return there;
    };
    const std::string_view bytes = content.decoded();
    if (content.type == "message/rfc822" || content.type == "message/global") {
      ReadMessage(bytes, within("message"));
    } else if (IsTnef(bytes)) {
      ReadTnefStream(bytes, within("tnef"));
    } else if (IsCms(content.type, content.name)) {
      ReadSealed(bytes, within("cms"));
    } else if (content.text) {
      ReadInText(bytes, within("uuencode"));
    }
    result_.list[index] = std::move(content);
  }

  void ReadTnefStream(std::string_view bytes, Place place) {
    if (place.level > limits_.levels) {
      result_.over_levels = true;
      return;
    }
    Tnef tnef = ReadTnef(bytes);
    result_.over_contents = result_.over_contents || tnef.truncated;
    const std::string prefix = place.prefix;
    int number = 0;
    const auto add = [&](std::vector<std::string> names, std::string type, std::string content) {
      if (content.empty()) return;
      place.prefix = base::Cat(prefix, ++number);
      AddFile(std::move(names), std::move(type), std::move(content), place);
    };
    add({}, "text/plain", std::move(tnef.text));
    add({}, "text/html", std::move(tnef.html));
    add({}, "application/rtf", std::move(tnef.rtf));
    for (Tnef::File& file : tnef.files) {
      add(file.names, file.type.empty() ? "application/octet-stream" : Lower(RepairUtf8(file.type)),
          std::move(file.bytes));
    }
  }

  void ReadSealed(std::string_view bytes, const Place& place) {
    const Cms cms = ReadCms(bytes);
    if (cms.kind == Cms::Kind::kSigned) {
      result_.smime_signed = true;
      if (!cms.content.empty()) ReadMessage(cms.content, place);
    } else if (cms.kind != Cms::Kind::kCompressed) {
      result_.smime_encrypted = true;  // or nobody knows what
    }
  }

  void ReadInText(std::string_view text, Place place) {
    if (text.find("-----BEGIN PGP MESSAGE-----") != std::string_view::npos)
      result_.pgp_encrypted = true;
    if (text.find("-----BEGIN PGP SIGNED MESSAGE-----") != std::string_view::npos)
      result_.pgp_signed = true;
    const std::string prefix = place.prefix;
    int number = 0;
    for (EmbeddedFile& file : FindEmbeddedFiles(text)) {
      place.prefix = base::Cat(prefix, ++number);
      if (place.origin != "union") place.origin = file.origin;
      AddFile({std::move(file.name)}, "application/octet-stream", std::move(file.bytes), place);
    }
  }

  // What stands before the first and behind the last boundary.
  void ReadOutside(std::string_view message, const Entities& entities, const Place& place) {
    for (const Outside& one : FindOutside(message, entities)) {
      const Entity& entity = entities.list[one.container];
      Place there{.prefix = base::Cat(place.prefix, entity.number, "/0"),
                  .origin = one.epilogue ? "epilogue" : "preamble",
                  .entity = place.entity == Entity::kNone ? one.container : place.entity,
                  .level = place.level};
      if (one.hides_part || one.whole_body) {
        result_.differs = true;
        Note(AmbiguityKind::kHiddenPart, base::Cat(place.prefix, entity.number),
             one.text.substr(0, kLongestEvidence));
      }
      AddFile({}, "text/plain", std::string(one.text), there);
      if (one.header == std::string_view::npos) continue;
      there.prefix += "/";
      ++there.level;
      ReadMessage(one.text.substr(one.header), there);
    }
  }

  // A multipart that says to be base64 or quoted-printable: no program should, some decode it.
  void ReadEncodedContainer(std::string_view message, const Entity& entity, const Place& place) {
    const EntityFacts facts = FactsOf(message, entity);
    if (facts.encoding != "base64" && facts.encoding != "quoted-printable") return;
    const std::string decoded =
        base::Cat(RemoveEncoding(message.substr(entity.begin, entity.body - entity.begin)),
                  DecodedBody(message, entity, facts.encoding));
    const bool before = std::exchange(further_, true);
    ReadMessage(decoded,
                {.prefix = base::Cat(place.prefix, entity.number, "/"),
                 .origin = "union",
                 .entity = place.entity != Entity::kNone ? place.entity : Enclosing(entity.begin),
                 .level = place.level + 1});
    further_ = before;
  }

  void Note(AmbiguityKind kind, std::string_view number, std::string_view what) {
    if (further_ || result_.ambiguities.size() >= kMostAmbiguities) return;
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
  size_t guesses_ = 0;    // of character sets
  bool further_ = false;  // a further reading is gone: what it is like is not said again
};

}  // namespace

Contents ReadContents(std::string_view message, const Entities& entities,
                      const ContentLimits& limits) {
  return Collector(message, entities, limits).Run();
}

}  // namespace cleanmail::mail::mime
