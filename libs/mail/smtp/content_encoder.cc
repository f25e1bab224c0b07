#include "libs/mail/smtp/content_encoder.h"

#include <algorithm>
#include <cstring>

namespace cleanmail::mail::smtp {

void ContentEncoder::Encode(std::string_view part, std::string& out) {
  out.reserve(out.size() + part.size() + part.size() / 64 + 2);
  while (!part.empty()) {
    if (cr_ && part.front() == '\n') part.remove_prefix(1);
    cr_ = false;
    if (part.empty()) return;
    if (line_start_ && dots_ && part.front() == '.') out += '.';
    // A line's end is the first CR or LF; CRs are nearly always followed by an LF, so the LF is
    // looked for first.
    const void* const lf = std::memchr(part.data(), '\n', part.size());
    const size_t lf_at = lf == nullptr ? part.size() : static_cast<const char*>(lf) - part.data();
    const void* const cr = std::memchr(part.data(), '\r', lf_at);
    const size_t end = cr == nullptr ? lf_at : static_cast<const char*>(cr) - part.data();
    if (end + 1 == lf_at && lf_at < part.size()) {
      out.append(part.substr(0, lf_at + 1));
      part.remove_prefix(lf_at + 1);
      line_start_ = true;
      continue;
    }
    out.append(part.substr(0, end));
    if (end == part.size()) {
      line_start_ = false;
      return;
    }
    out += "\r\n";
    line_start_ = true;
    cr_ = part[end] == '\r';
    part.remove_prefix(end + 1);
  }
}

void ContentEncoder::Finish(std::string& out) {
  if (!line_start_) out += "\r\n";
  if (dots_) out += ".\r\n";
}

}  // namespace cleanmail::mail::smtp
