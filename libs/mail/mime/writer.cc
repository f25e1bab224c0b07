#include "libs/mail/mime/writer.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/mail/mime/encodings.h"
#include "libs/mail/mime/header_block.h"

namespace cleanmail::mail::mime {

Part TextPart(std::string_view text) {
  return {.fields = {{"Content-Type", "text/plain; charset=utf-8"},
                     {"Content-Transfer-Encoding", "quoted-printable"}},
          .body = EncodeQuotedPrintable(text)};
}

std::string Write(const Part& part) {
  HeaderBlock header;
  for (const auto& [name, value] : part.fields) header.Append(name, value);
  return header.ToString() + part.body;
}

Part Multipart(std::string_view subtype, std::string_view parameters, std::string_view boundary,
               const std::vector<Part>& parts) {
  Part whole{.fields = {{"Content-Type", base::Cat("multipart/", subtype, parameters,
                                                   ";\r\n boundary=\"", boundary, "\"")}},
             .body = {}};
  for (const Part& part : parts) {
    whole.body += base::Cat("--", boundary, "\r\n", Write(part));
    if (!whole.body.ends_with("\r\n")) whole.body += "\r\n";
  }
  whole.body += base::Cat("--", boundary, "--\r\n");
  return whole;
}

std::string UnusedBoundary(std::string_view seed, const std::vector<Part>& parts) {
  for (int attempt = 0;; ++attempt) {
    const std::string boundary = base::Cat("=_", seed, "_", attempt);
    const bool used = std::any_of(parts.begin(), parts.end(), [&](const Part& part) {
      return part.body.find(boundary) != std::string::npos;
    });
    if (!used) return boundary;
  }
}

}  // namespace cleanmail::mail::mime
