#include "services/scanner/analyzers/structure/structure.h"

#include <algorithm>
#include <set>

#include "libs/base/cat.h"
#include "libs/mail/mime/encoded_word.h"
#include "libs/mail/mime/normalize.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

using mail::mime::Ambiguity;
using mail::mime::AmbiguityKind;

constexpr size_t kTextLookedAt = 256 << 10;
constexpr size_t kHiddenEnough = 5;  // characters within words: fewer come with copied text

// What one message is found to be, finding by finding.
class Look {
 public:
  Look(const ParsedMessage& message, mail::mime::StructureLimits limits, std::string_view analyzer)
      : message_(message), limits_(limits), analyzer_(analyzer) {}

  Findings Run() && {
    Limits();
    Ambiguities();
    Names();
    HeaderTexts();
    HiddenCharacters();
    return std::move(findings_);
  }

 private:
  void Add(FindingId id, std::string_view evidence) {
    findings_.push_back(MakeFinding(id, evidence, analyzer_));
  }

  void Limits() {
    const mail::mime::Structure& structure = message_.parts.structure;
    const mail::mime::Contents& contents = message_.contents;
    if (structure.over_depth) Add(FindingId::kTooDeep, base::Cat("deeper than ", limits_.depth));
    if (structure.over_parts) Add(FindingId::kTooManyParts, base::Cat("more than ", limits_.parts));
    if (structure.over_header)
      Add(FindingId::kHeaderTooLong, base::Cat("longer than ", limits_.header_bytes, " bytes"));
    if (contents.over_contents) Add(FindingId::kContentLimit, "too many files or texts");
    if (contents.over_bytes) Add(FindingId::kContentLimit, "too many bytes");
    if (contents.over_levels) Add(FindingId::kContentLimit, "too many levels");
    if (contents.partial) Add(FindingId::kPartialMessage, "message/partial");
    if (contents.external_body) Add(FindingId::kPartialMessage, "message/external-body");
  }

  void Ambiguities() {
    std::set<std::string> kinds;
    for (const Ambiguity& one : message_.contents.ambiguities) {
      switch (one.kind) {
        case AmbiguityKind::kNames:
          Once(FindingId::kAmbiguousName, one.what);
          break;
        case AmbiguityKind::kUtf7:
          Once(FindingId::kUtf7, one.number);
          break;
        case AmbiguityKind::kUnknownCharset:
          Once(FindingId::kUnknownCharset, one.what);
          break;
        case AmbiguityKind::kCharset:
          break;  // far too common to mean anything
        default:
          kinds.insert(std::string(Describe(one.kind)));
      }
    }
    if (kinds.empty()) return;
    std::string all;
    for (const std::string& kind : kinds) all += base::Cat(all.empty() ? "" : ", ", kind);
    Add(DifferingContents() ? FindingId::kAmbiguousStructure : FindingId::kBrokenStructure, all);
  }

  void Once(FindingId id, std::string_view evidence) {
    if (said_.insert(id).second) Add(id, evidence);
  }

  // Whether some programs see contents others do not.
  bool DifferingContents() const {
    return std::ranges::any_of(message_.contents.list,
                               [](const mail::mime::Content& one) {
                                 return one.origin == "union" || one.origin == "preamble" ||
                                        one.origin == "epilogue";
                               }) &&
           message_.contents.differs;
  }

  void Names() {
    for (const mail::mime::Content& one : message_.contents.list) {
      for (const std::string& name : one.names) {
        if (mail::mime::Normalize(name).bidi > 0) return Once(FindingId::kBidiTrick, name);
      }
    }
  }

  void HeaderTexts() {
    for (const std::string_view name : {"From", "Subject", "Reply-To", "Sender"}) {
      const mail::mime::Field* field = message_.header.Find(name);
      if (field == nullptr) continue;
      const std::string text = mail::mime::DecodeWords(field->value());
      const mail::mime::NormalText normal = mail::mime::Normalize(text);
      if (normal.bidi_overrides > 0) Once(FindingId::kBidiTrick, text);
      hidden_ += normal.invisible_in_words;
    }
  }

  void HiddenCharacters() {
    for (const mail::mime::Content& one : message_.contents.list) {
      if (one.type != "text/plain") continue;
      hidden_ += mail::mime::Normalize(std::string_view(one.bytes).substr(0, kTextLookedAt))
                     .invisible_in_words;
    }
    if (hidden_ >= kHiddenEnough)
      Add(FindingId::kHiddenCharacters, base::Cat(hidden_, " in words"));
  }

  const ParsedMessage& message_;
  const mail::mime::StructureLimits limits_;
  const std::string_view analyzer_;
  Findings findings_;
  std::set<FindingId> said_;
  size_t hidden_ = 0;
};

}  // namespace

absl::StatusOr<Findings> Structure::Analyze(const ParsedMessage& message) {
  return Look(message, limits_, name()).Run();
}

}  // namespace cleanmail::scanner
