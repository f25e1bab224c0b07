#include <cstddef>
#include <cstdint>

#include "services/scanner/analyzers/spam/reading/mail_view.h"

// Whatever comes is read: parts, text, links, relays, addresses.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner::spam;
  static const ReadingSettings settings = [] {
    ReadingSettings some;
    some.domains.AddTopLevel("org");
    return some;
  }();
  const MailView mail({reinterpret_cast<const char*>(data), size}, settings);
  mail.body();
  mail.rawbody();
  mail.uris();
  mail.AllFromAddresses();
  mail.AllToAddresses();
  mail.GetText("ALL:raw");
  mail.GetText("From:addr:host");
  mail.GetText("X-Spam-Relays-External");
  return 0;
}
