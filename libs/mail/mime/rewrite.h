#pragma once

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace cleanmail::mail::mime {

// Text put before the subject, unless it stands there already (also behind "Re:"). UTF-8.
struct SubjectTag {
  std::string text;
};

// A field put on top of the header. `name` must be a field name (RFC 5322 §3.6.8), else nothing is
// done; `value` is UTF-8, encoded as needed.
struct NewField {
  std::string name;
  std::string value;
  bool as_is = false;  // `value` is ASCII as it shall stand, folds ("\r\n " inside) included
};

// Text put into the first readable text/plain and the first readable text/html part. UTF-8.
struct BannerText {
  std::string text;  // for text/plain; empty: none
  std::string html;  // for text/html, a well-formed fragment; empty: none
  bool at_end = false;
};

// Parts taken out, each replaced by a note in its place.
struct RemovedParts {
  std::vector<std::string> numbers;  // as Entity::number
  std::string note;                  // UTF-8
};

using Change = std::variant<SubjectTag, NewField, BannerText, RemovedParts>;

struct Rewritten {
  std::string message;
  // What could not be done and why, one sentence each: a signed part, a character set unknown.
  std::vector<std::string> undone;
};

// Makes the changes one after another. Every byte they do not concern stays as it came; nothing in
// signed or encrypted parts is touched, nor in messages within. Pure; time grows with the bytes
// times the number of changes.
Rewritten Rewrite(std::string message, std::span<const Change> changes);

}  // namespace cleanmail::mail::mime
