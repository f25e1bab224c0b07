#include "libs/mail/mime/flowed.h"

namespace cleanmail::mail::mime {

std::string JoinFlowed(std::string_view text, bool del_sp) {
  std::string out;
  out.reserve(text.size());
  bool soft = false;  // the line before goes on in this one
  size_t depth_before = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    const bool ended = end != std::string_view::npos;
    text.remove_prefix(ended ? end + 1 : text.size());
    const bool crlf = line.ends_with('\r');
    if (crlf) line.remove_suffix(1);
    size_t depth = 0;
    while (depth < line.size() && line[depth] == '>') ++depth;
    line.remove_prefix(depth);
    if (line.starts_with(' ')) line.remove_prefix(1);  // space-stuffed (§4.4)
    const bool signature = line == "-- ";
    if (soft && (depth != depth_before || signature)) {
      out += "\r\n";
      soft = false;
    }
    if (!soft && depth > 0) {
      out.append(depth, '>');
      out += ' ';
    }
    soft = line.ends_with(' ') && !signature && ended;
    if (soft && del_sp) line.remove_suffix(1);
    out += line;
    if (!soft && ended) out += crlf ? "\r\n" : "\n";
    depth_before = depth;
  }
  return out;
}

}  // namespace cleanmail::mail::mime
