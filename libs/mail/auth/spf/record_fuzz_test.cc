#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "libs/mail/auth/fake_zone.h"
#include "libs/mail/auth/spf/check_host.h"
#include "libs/mail/auth/spf/macros.h"
#include "libs/mail/auth/spf/record.h"

// The first line is the record of one.example, the second of two.example, and so an explanation:
// whatever they hold, an evaluation ends within its limits and an explanation is one plain line.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::auth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = text.find('\n');
  FakeZone zone;
  zone.Text("one.example", text.substr(0, end))
      .Text("two.example", end == text.npos ? "" : text.substr(end + 1))
      .Address("one.example", "192.0.2.7")
      .Pointer("1.2.0.192.in-addr.arpa", "one.example")
      .Mx("one.example", 1, "two.example");
  const spf::Query query{.client = "192.0.2.1", .helo = "h.example", .sender = "a-b@one.example"};
  Lookups lookups(500);
  const spf::Verdict verdict =
      zone.Run(lookups, [&](Lookups& known) { return spf::CheckHost(query, known); });
  if (verdict.terms > spf::kMaxTerms || lookups.asked() > 250) std::abort();
  for (const char c : verdict.explanation)
    if (c < 0x20 || c > 0x7E) std::abort();
  if (spf::IsMacroString(text, true)) (void)spf::Expand(text, {.sender = "a@b", .domain = "b"});
  return 0;
}
