#include "libs/mail/mime/ambiguity.h"

namespace cleanmail::mail::mime {

std::string_view Describe(AmbiguityKind kind) {
  switch (kind) {
    case AmbiguityKind::kRepeatedType:
      return "several content types";
    case AmbiguityKind::kRepeatedEncoding:
      return "several or odd transfer encodings";
    case AmbiguityKind::kRepeatedParameter:
      return "several boundaries";
    case AmbiguityKind::kNames:
      return "a file name programs read differently";
    case AmbiguityKind::kBoundaryLine:
      return "a line that is almost a boundary";
    case AmbiguityKind::kSameBoundary:
      return "one boundary for two levels";
    case AmbiguityKind::kNoBoundary:
      return "a boundary is missing";
    case AmbiguityKind::kUnclosed:
      return "the closing boundary is missing";
    case AmbiguityKind::kMissingBlankLine:
      return "no empty line behind a header";
    case AmbiguityKind::kOddField:
      return "an odd field name";
    case AmbiguityKind::kBareCr:
      return "carriage returns without line feeds";
    case AmbiguityKind::kNul:
      return "NUL in a header";
    case AmbiguityKind::kHiddenPart:
      return "a part outside of the boundaries";
    case AmbiguityKind::kEncodedContainer:
      return "an encoded container";
    case AmbiguityKind::kBase64:
      return "broken base64";
    case AmbiguityKind::kCharset:
      return "text that is not of its character set";
    case AmbiguityKind::kUnknownCharset:
      return "an unknown character set";
    case AmbiguityKind::kUtf7:
      return "UTF-7";
  }
  return "";
}

}  // namespace cleanmail::mail::mime
