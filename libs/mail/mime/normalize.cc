#include "libs/mail/mime/normalize.h"

#include <algorithm>
#include <memory>

#include <unicode/normlzr.h>
#include <unicode/uchar.h>
#include <unicode/unistr.h>
#include <unicode/unorm2.h>
#include <unicode/uscript.h>
#include <unicode/uspoof.h>

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

}  // namespace

NormalText Normalize(std::string_view utf8) {
  NormalText result;
  if (address::IsAscii(utf8)) {
    result.text = utf8;
    return result;
  }
  const auto written = icu::UnicodeString::fromUTF8(
      icu::StringPiece(utf8.data(), static_cast<int32_t>(utf8.size())));
  icu::UnicodeString seen;
  UChar32 before = 0;
  size_t pending = 0;  // unseen ones since `before`
  for (int32_t i = 0; i < written.length();) {
    const UChar32 c = written.char32At(i);
    i += U16_LENGTH(c);
    if (IsBidi(c)) {
      if (!IsBidiMark(c)) ++result.bidi;
      if (c == 0x202d || c == 0x202e) ++result.bidi_overrides;
      continue;
    }
    if (IsInvisible(c)) {
      ++result.invisible;
      ++pending;
      continue;
    }
    if (pending > 0 && NeedsNoJoiners(before) && NeedsNoJoiners(c))
      result.invisible_in_words += pending;
    pending = 0;
    before = c;
    const auto kind =
        static_cast<UDecompositionType>(u_getIntPropertyValue(c, UCHAR_DECOMPOSITION_TYPE));
    if (u_isalnum(c) != 0 &&
        (kind == U_DT_FONT || kind == U_DT_WIDE || kind == U_DT_CIRCLE || kind == U_DT_SQUARE))
      ++result.folded;
    seen.append(c);
  }
  UErrorCode error = U_ZERO_ERROR;
  const icu::Normalizer2* nfkc = icu::Normalizer2::getNFKCInstance(error);
  if (U_SUCCESS(error)) {
    const icu::UnicodeString normal = nfkc->normalize(seen, error);
    if (U_SUCCESS(error)) seen = normal;
  }
  seen.toUTF8String(result.text);
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
