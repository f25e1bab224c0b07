#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/auth/dkim/verifier.h"
#include "libs/mail/auth/fake_zone.h"

// The first line is a key record, the rest a message: judging ends, within its bounds, and the
// body's hash does not depend on how the body came in pieces.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail;
  using namespace cleanmail::mail::auth;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t end = all.find('\n');
  if (end == all.npos) return 0;
  const std::string_view message = all.substr(end + 1);
  const auto block = mime::HeaderBlock::Parse(message);
  if (!block.ok()) return 0;
  const dkim::HeaderIndex index(*block);
  dkim::BodyHashes body;
  const dkim::Verifier verifier(index, body, {.now_seconds = 1, .min_rsa_bits = 512});
  const std::string_view text = message.substr(block->body_offset());
  body.Add(text);
  body.Finish();
  FakeZone zone;
  zone.Text("s._domainkey.example.org", all.substr(0, end));
  const auto verdicts = zone.Run([&](Lookups& lookups) { return verifier.Verdicts(lookups); });
  if (verdicts.size() > dkim::kMaxSignatures) std::abort();
  for (const auto form : {dkim::Canonical::kSimple, dkim::Canonical::kRelaxed}) {
    dkim::BodyHash whole(form), pieces(form);
    whole.Add(text);
    whole.Finish();
    for (const char& c : text) pieces.Add({&c, 1});
    pieces.Finish();
    if (whole.hash() != pieces.hash() || whole.canonical_bytes() != pieces.canonical_bytes())
      std::abort();
  }
  return 0;
}
