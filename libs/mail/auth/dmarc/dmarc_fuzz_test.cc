#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "libs/mail/auth/dmarc/author.h"
#include "libs/mail/auth/dmarc/evaluate.h"
#include "libs/mail/auth/fake_zone.h"

// The first line is a record, the rest a From value: domains come out normalised, evaluations end
// within the message's budget.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail;
  using namespace cleanmail::mail::auth;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t end = std::min(text.find('\n'), text.size());
  std::string message = "From:";
  message += text.substr(std::min(end + 1, text.size()));
  const auto header = mime::HeaderBlock::Parse(message);
  if (!header.ok()) return 0;
  const dmarc::Author author = dmarc::ReadAuthor(*header);
  FakeZone zone;
  zone.Text("_dmarc.example.org", text.substr(0, end));
  for (const std::string& domain : author.domains) {
    const dmarc::Evidence evidence{.author = domain, .spf_domain = "a.b.c.d.e.f.g.h.i.example.org"};
    Lookups lookups;
    const auto verdict =
        zone.Run(lookups, [&](Lookups& known) { return dmarc::Evaluate(evidence, known); });
    if (lookups.asked() > 20) std::abort();
    if (verdict.result != dmarc::Result::kFail && verdict.applies != dmarc::Policy::kNone)
      std::abort();
  }
  return 0;
}
