#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/mime/entities.h"

namespace cleanmail::mail::mime {

// Something a message carries: a text, a file. What is within another (a file in a TNEF, a mail in
// base64) is a content of its own beside it.
struct Content {
  // Entity::number; what is within it continues with slashes: "2/1".
  std::string number;
  std::string type;  // as declared, lower case: "text/plain"
  std::string name;  // UTF-8, hostile; empty without one
  // Every name a program may show, `name` the first.
  std::vector<std::string> names;
  std::string disposition;  // lower case
  // What text was read as; empty for files.
  std::string charset;
  // Without transfer encoding. Text (`text`) is UTF-8, RFC 3676's soft line ends joined.
  std::string bytes;
  // The bytes before they were made UTF-8, where that changed them.
  std::string original;
  bool text = false;        // text/*
  bool attachment = false;  // programs show it as one: named, or said to be, or no text
  // The entity it is, or is within: an index of Entities::list.
  size_t entity = 0;
  // How it was found: "" is a leaf; "message" a leaf of a message within that was encoded; "tnef",
  // "uuencode", "yenc", "cms" a file within a content; "preamble", "epilogue" outside of the
  // boundaries; "union" what only some programs see.
  std::string origin;

  // The bytes without transfer encoding, as they came.
  std::string_view decoded() const { return original.empty() ? bytes : original; }
};

struct ContentLimits {
  StructureLimits structure = {};
  size_t contents = 2000;
  size_t bytes = 128 << 20;  // of all contents
  size_t levels = 8;         // of what is within something that had to be decoded
};

struct Contents {
  std::vector<Content> list;  // leaves in their order, each followed by what is within it
  // What is ambiguous in structure or contents; at most 100.
  std::vector<Ambiguity> ambiguities;
  // Some programs see contents others do not: there are some of origin "union", "preamble" or
  // "epilogue", or names that differ in what kind of file they say it is.
  bool differs = false;
  // Not all was read.
  bool over_contents = false;
  bool over_bytes = false;
  bool over_levels = false;
  // What is in it (RFC 8551, RFC 3156, RFC 2046 §5.2).
  bool smime_signed = false;
  bool smime_encrypted = false;
  bool pgp_signed = false;
  bool pgp_encrypted = false;
  bool partial = false;        // message/partial: a piece of a message
  bool external_body = false;  // message/external-body: the content is elsewhere
};

// Decodes every leaf of `message` once, and what is within it, as one program reads it; where
// programs differ (Entities::ambiguities), what others see too. Time grows with the bytes; past a
// limit it says so.
Contents ReadContents(std::string_view message, const Entities& entities,
                      const ContentLimits& limits = {});

}  // namespace cleanmail::mail::mime
