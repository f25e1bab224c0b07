#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace cleanmail::mail::html {

struct Attribute {
  std::string_view name;   // lower case
  std::string_view value;  // character references read
};

// Told what a document is made of, in order. Views live for the call.
class Visitor {
 public:
  virtual ~Visitor() = default;
  // Every OnOpen has its OnClose, properly nested, also where the writer forgot the end tag.
  virtual void OnOpen(std::string_view /*tag*/, std::span<const Attribute> /*attributes*/) {}
  virtual void OnClose(std::string_view /*tag*/) {}
  // Character data, references read; of script and style as written.
  virtual void OnText(std::string_view /*text*/) {}
  virtual void OnComment(std::string_view /*text*/) {}
};

struct WalkLimits {
  size_t bytes = 1 << 20;    // beyond, no tree is built
  size_t depth = 512;        // of unclosed elements, as browsers have it
  size_t memory = 64 << 20;  // of the tree
};

struct WalkOutcome {
  // No tree was built since the document is past a limit: tags were told as they stand there, none
  // left out.
  bool flat = false;
  size_t elements = 0;
};

// Walks over `html` (UTF-8; anything else is read somehow) as a browser's tree has it: elements a
// browser adds are there, scripts do not run. Total and bounded: what would take more than linear
// time or `memory` is read as a flat row of tags.
WalkOutcome Walk(std::string_view html, Visitor& visitor, const WalkLimits& limits = {});

}  // namespace cleanmail::mail::html
