#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cleanmail::mail::mime {

// A header field to write: values are made safe as HeaderBlock does, so no text in them can add a
// field.
using HeaderFields = std::vector<std::pair<std::string, std::string>>;

// A part of a message: its fields and its body, encoded as the fields say, lines ended by CRLF.
struct Part {
  HeaderFields fields;
  std::string body;
};

// A text part in quoted-printable, UTF-8.
Part TextPart(std::string_view text);

// The bytes of a part or a message: fields, empty line, body.
std::string Write(const Part& part);

// A multipart body of `parts` and the part that holds it: Content-Type `multipart/<subtype>` with
// `parameters` (e.g.
// `; report-type=delivery-status`) behind the fields given. `boundary` must not occur in the parts;
// see UnusedBoundary.
Part Multipart(std::string_view subtype, std::string_view parameters, std::string_view boundary,
               const std::vector<Part>& parts);

// `seed` made into a boundary that begins no line of `parts`.
std::string UnusedBoundary(std::string_view seed, const std::vector<Part>& parts);

}  // namespace cleanmail::mail::mime
