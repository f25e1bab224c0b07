#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "services/scanner/analyzers/spam/reading/encodings.h"

namespace cleanmail::scanner::spam {

// A link of an HTML text: in which elements it stands and the texts it was shown with.
struct HtmlLink {
  std::set<std::string> types;            // "a", "img", "form" …
  std::vector<std::string> anchor_texts;  // one for every anchor
  bool has_anchor = false;
};

// What rules ask of an HTML text, under SpamAssassin's names where they appear in rules.
struct HtmlPage {
  DecodedText text;                       // as rules see it, hidden text included
  std::map<std::string, HtmlLink> links;  // by target
  std::map<std::string, int> inside;      // elements seen: how many stand open at the end
  std::map<std::string, double> numbers;  // length, image_area, ratio …
  std::vector<std::string> titles;
  std::vector<std::string> comments;
  std::vector<std::string> scripts;
  std::vector<std::string> anchors;
  std::optional<std::string> charsets;
  bool links_cut = false;  // a target was longer than is looked at
};

// Reads `html` (decoded to UTF-8; `encoded_bytes` is its length before).
HtmlPage ReadHtmlPage(const DecodedText& html, size_t encoded_bytes);

// The address that `reference` means on a page whose base is `base` (RFC 3986 §5.2, leniently).
std::string ResolveReference(std::string_view base, std::string_view reference);

}  // namespace cleanmail::scanner::spam
