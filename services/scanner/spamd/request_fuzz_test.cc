#include <cstdlib>

#include "services/scanner/spamd/response.h"

// In one piece or byte by byte a request is the same, and what goes back holds the message.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner::spamd;
  constexpr size_t kLongest = 4096;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RequestReader whole(kLongest);
  whole.Take(bytes);
  whole.End();
  RequestReader pieces(kLongest);
  for (size_t i = 0; i < size; ++i) {
    if (pieces.Take(bytes.substr(i, 1))) break;
  }
  pieces.End();
  if (whole.complete() != pieces.complete() || whole.message() != pieces.message()) std::abort();
  if (whole.complete() == whole.problem().has_value()) std::abort();
  if (whole.message().size() > kLongest) std::abort();
  if (!whole.complete()) return 0;
  cleanmail::mail::v1::ScanResult scan;
  scan.set_score(7.5);
  scan.add_findings()->set_name("A B,C");
  (void)Respond(whole, scan, {.version = "1", .host_name = "mx.example"});
  return 0;
}
