#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// Text made fit for comparing, and what was in the way.
struct NormalText {
  // Compatibility forms folded (NFKC), characters that are not seen removed. UTF-8.
  std::string text;
  // How many were removed.
  size_t invisible = 0;           // zero-width, soft hyphens, variation selectors, tags
  size_t invisible_in_words = 0;  // of these, between two letters of a script that needs none
  size_t bidi = 0;                // embeddings, overrides and isolates (UAX #9 §2)
  size_t bidi_overrides = 0;      // of these, overrides: text runs against its letters
  size_t folded = 0;  // letters and digits in another form: fullwidth, mathematical, circled
};

// `utf8` as it is compared. Malformed bytes become U+FFFD.
NormalText Normalize(std::string_view utf8);

// What `utf8` looks like: two texts a person takes for each other have the same skeleton (UTS #39
// §4: "paypal" and "pаypаl" with Cyrillic letters). For names and host names; at most 2,000 bytes
// are looked at.
std::string Skeleton(std::string_view utf8);

// Whether letters of scripts that do not go together stand in `utf8` (UTS #39 §5.2, highly
// restrictive): "pаypal" with one Cyrillic letter.
bool MixesScripts(std::string_view utf8);

}  // namespace cleanmail::mail::mime
