#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "libs/testing/mail_room.h"

// Command lines, DATA and BDAT framing: however the bytes are cut, the server says and keeps the
// same; replies are CRLF lines; what a strict server keeps has no bare CR or LF.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail;
  if (size < 1) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  mail::smtp::ServerOptions options{
      .host_name = "mx",
      .line_ends = data[0] & 1 ? mail::smtp::LineEnds::kStrict : mail::smtp::LineEnds::kRepair,
      .offer_starttls = (data[0] & 2) != 0,
      .offer_dsn = (data[0] & 4) != 0,
      .command_line_bytes = 200};
  options.message = {.bytes = 5000, .line_bytes = 500, .header_bytes = 1000, .header_fields = 20};
  const size_t step = 1 + (data[0] >> 2);
  testing::MailRoom room(options);
  std::string out;
  for (size_t at = 0; at < input.size() && !room.closed(); at += step) {
    out += room.Take(input.substr(at, step));
    if (room.wants_tls()) room.Handshake();
  }
  for (size_t i = 0; i < out.size(); ++i) {
    if (out[i] == '\n' && (i == 0 || out[i - 1] != '\r')) std::abort();
    if (out[i] == '\r' && (i + 1 == out.size() || out[i + 1] != '\n')) std::abort();
  }
  for (const auto& message : room.messages()) {
    const std::string& c = message.content;
    if (message.recipients.empty() || c.size() > 5000) std::abort();
    for (size_t i = 0; i < c.size(); ++i) {
      if (c[i] == '\n' && (i == 0 || c[i - 1] != '\r')) std::abort();
      if (c[i] == '\r' && (i + 1 == c.size() || c[i + 1] != '\n')) std::abort();
    }
  }
  return 0;
}
