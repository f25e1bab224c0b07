#include "libs/mail/mime/normalize.h"

#include <algorithm>
#include <memory>

#include <unicode/normlzr.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>
#include <unicode/utf8.h>

#include "libs/mail/address/utf8.h"

namespace cleanmail::mail::mime {
namespace {

constexpr size_t kLongestSkeleton = 2000;

bool IsBidi(UChar32 c) {
  return (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x200e ||
         c == 0x200f || c == 0x061c;
}
// Marks (LRM, RLM, ALM) are usual in honest text; they turn nothing around.
bool IsBidiMark(UChar32 c) { return c == 0x200e || c == 0x200f || c == 0x061c; }

bool IsInvisible(UChar32 c) {
  return u_hasBinaryProperty(c, UCHAR_DEFAULT_IGNORABLE_CODE_POINT) != 0 && !IsBidi(c);
}

// Scripts that are written without joiners: what is between two such letters is there to hide.
bool NeedsNoJoiners(UChar32 c) {
  UErrorCode error = U_ZERO_ERROR;
  const UScriptCode script = uscript_getScript(c, &error);
  return u_isalpha(c) != 0 &&
         (script == USCRIPT_LATIN || script == USCRIPT_CYRILLIC || script == USCRIPT_GREEK);
}

struct CloseChecker {
  void operator()(USpoofChecker* checker) const { uspoof_close(checker); }
};
using Checker = std::unique_ptr<USpoofChecker, CloseChecker>;

Checker OpenChecker() {
  UErrorCode error = U_ZERO_ERROR;
  Checker checker(uspoof_open(&error));
  return U_SUCCESS(error) ? std::move(checker) : nullptr;
}

// Opened once: it is read only afterwards, which is thread-safe (uspoof.h).
const USpoofChecker* TheChecker() {
  static const Checker checker = OpenChecker();
  return checker.get();
}

// Whole characters of at most that many bytes.
std::string_view Cut(std::string_view utf8, size_t most) {
  if (utf8.size() <= most) return utf8;
  while (most > 0 && (static_cast<unsigned char>(utf8[most]) & 0xc0) == 0x80) --most;
  return utf8.substr(0, most);
}

// Writes a text as it is seen, character by character. Runs of ASCII are what they are already, but
// for the last character, which a mark behind it may change: only from there to the next run is
// there anything to normalise (an ASCII character never joins with what is before it).
class Folder {
 public:
  explicit Folder(NormalText& result) : result_(result) {}

  // Not empty.
  void AddAscii(std::string_view run) {
    Note(run.front());
    before_ = run.back();
    Flush();
    result_.text += run.substr(0, run.size() - 1);
    seen_.append(static_cast<UChar32>(run.back()));
  }

  void Add(UChar32 c) {
    if (IsBidi(c)) {
      if (!IsBidiMark(c)) ++result_.bidi;
      if (c == 0x202d || c == 0x202e) ++result_.bidi_overrides;
      return;
    }
    if (IsInvisible(c)) {
      ++result_.invisible;
      ++pending_;
      return;
    }
    Note(c);
    before_ = c;
    const auto kind =
        static_cast<UDecompositionType>(u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE));
    if (u_isalnum(c) != 0 &&
        (kind == U_DT_FONT || kind == U_DT_WIDE || kind == U_DT_CIRCLE || kind == U_DT_SQUARE))
      ++result_.folded;
    seen_.append(c);
  }

  void Flush() {
    UErrorCode error = U_ZERO_ERROR;
    const icu::Normalizer2* nfkc = icu::Normalizer2::getNFKCInstance(error);
    if (U_SUCCESS(error) && !nfkc->isNormalized(seen_, error)) {
      const icu::UnicodeString normal = nfkc->normalize(seen_, error);
      if (U_SUCCESS(error)) seen_ = normal;
    }
    seen_.toUTF8String(result_.text);
    seen_.remove();
  }

 private:
  // Invisible characters between what came before and this one.
  void Note(UChar32 c) {
    if (pending_ > 0 && NeedsNoJoiners(before_) && NeedsNoJoiners(c))
      result_.invisible_in_words += pending_;
    pending_ = 0;
  }

  NormalText& result_;
  icu::UnicodeString seen_;
  UChar32 before_ = 0;
  size_t pending_ = 0;  // unseen ones since `before_`
};

}  // namespace

NormalText Normalize(std::string_view utf8) {
  NormalText result;
  Folder folder(result);
  for (size_t i = 0; i < utf8.size();) {
    if (const size_t run = address::AsciiLength(utf8.substr(i)); run > 0) {
      folder.AddAscii(utf8.substr(i, run));
      i += run;
    } else {
      int32_t length = 0;
      UChar32 c = 0;
      const std::string_view rest = utf8.substr(i, U8_MAX_LENGTH);
      U8_NEXT_OR_FFFD(rest.data(), length, static_cast<int32_t>(rest.size()), c);
      folder.Add(c);
      i += static_cast<size_t>(length);
    }
  }
  folder.Flush();
  return result;
}

std::string Skeleton(std::string_view utf8) {
  utf8 = Cut(utf8, kLongestSkeleton);
  const USpoofChecker* checker = TheChecker();
  const auto text = icu::UnicodeString::fromUTF8(
      icu::StringPiece(utf8.data(), static_cast<int32_t>(utf8.size())));
  std::string skeleton;
  if (checker == nullptr) return std::string(utf8);
  UErrorCode error = U_ZERO_ERROR;
  icu::UnicodeString folded = text;
  folded.foldCase();
  icu::UnicodeString result;
  uspoof_getSkeletonUnicodeString(checker, 0, folded, result, &error);
  if (U_FAILURE(error)) return std::string(utf8);
  result.toUTF8String(skeleton);
  return skeleton;
}

bool MixesScripts(std::string_view utf8) {
  if (address::IsAscii(utf8)) return false;
  utf8 = Cut(utf8, kLongestSkeleton);
  // Set per call: a checker with another level is another checker.
  const Checker checker = OpenChecker();
  if (checker == nullptr) return false;
  uspoof_setRestrictionLevel(checker.get(), USPOOF_HIGHLY_RESTRICTIVE);
  UErrorCode error = U_ZERO_ERROR;
  uspoof_setChecks(checker.get(), USPOOF_RESTRICTION_LEVEL, &error);
  const auto text = icu::UnicodeString::fromUTF8(
      icu::StringPiece(utf8.data(), static_cast<int32_t>(utf8.size())));
  const int32_t found = uspoof_checkUnicodeString(checker.get(), text, nullptr, &error);
  return U_SUCCESS(error) && (found & USPOOF_RESTRICTION_LEVEL) != 0;
}

}  // namespace cleanmail::mail::mime
