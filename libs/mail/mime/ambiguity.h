#pragma once

#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// Why programs may read a message differently.
enum class AmbiguityKind {
  kRepeatedType,       // several Content-Type fields that differ
  kRepeatedEncoding,   // several Content-Transfer-Encoding fields that differ, or one half legible
  kRepeatedParameter,  // several boundaries in one field, or one written so that programs differ
  kNames,              // several file names, or one that programs read differently
  kBoundaryLine,       // a line that begins with a boundary and goes on
  kSameBoundary,       // containers within each other have one boundary
  kNoBoundary,         // a multipart without a boundary, or whose boundary never comes
  kUnclosed,           // a multipart without its closing boundary
  kMissingBlankLine,   // a header that goes over into text
  kOddField,           // a field name with white space, a header that begins with a fold
  kBareCr,             // CR without LF in a header or before a boundary
  kNul,                // NUL in a header
  kHiddenPart,         // an attachment or a header before the first or behind the last boundary
  kEncodedContainer,   // a multipart or message with a transfer encoding of its own
  kBase64,             // base64 with padding or foreign characters in the middle
  kCharset,            // bytes that are not of the character set named
  kUnknownCharset,     // a character set nobody knows
  kUtf7,               // UTF-7, which few programs read
};

// In words, for people: "several content types".
std::string_view Describe(AmbiguityKind kind);

struct Ambiguity {
  AmbiguityKind kind;
  std::string number;  // of the entity (Entity::number)
  std::string what;    // the bytes in question, hostile text, at most 100 characters
};

}  // namespace cleanmail::mail::mime
