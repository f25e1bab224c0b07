#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/auth/arc/verifier.h"
#include "libs/mail/auth/fake_zone.h"

// A message with ARC fields, whatever they hold, comes to an end; nothing passes that no key made.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail;
  using namespace cleanmail::mail::auth;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  const auto block = mime::HeaderBlock::Parse(message);
  if (!block.ok()) return 0;
  const dkim::HeaderIndex index(*block);
  dkim::BodyHashes body;
  const arc::Verifier verifier(index, body);
  body.Add(message.substr(block->body_offset()));
  body.Finish();
  FakeZone zone;
  zone.Text("s._domainkey.example.org",
            "k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=");
  const auto verdict = zone.Run([&](Lookups& lookups) { return verifier.Check(lookups); });
  if (verdict.status == arc::Status::kPass) std::abort();
  return 0;
}
