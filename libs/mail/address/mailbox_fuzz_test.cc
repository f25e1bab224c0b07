#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/address/mailbox.h"

// Whatever parses is printed and parses to the same again, and holds no control character.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::address;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const bool utf8 : {false, true}) {
    const auto path =
        ParsePath(text, {.smtp_utf8 = utf8, .null_allowed = true, .postmaster_allowed = true});
    if (!path.ok()) continue;
    if (path->length > size) std::abort();
    for (const char c : path->mailbox.local + path->mailbox.domain) {
      if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) std::abort();
    }
    if (path->mailbox.domain.empty()) continue;
    const auto again = ParsePath("<" + ToText(path->mailbox) + ">", {.smtp_utf8 = true});
    // Quoting may make an address at the limit too long; it must never make it another.
    if (again.ok() && !(again->mailbox == path->mailbox)) std::abort();
  }
  return 0;
}
