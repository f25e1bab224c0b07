#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "libs/mail/address/utf8.h"
#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/encoded_word.h"

// Decoding gives well-formed UTF-8; encoding is undone by decoding.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::string decoded = mime::DecodeWords(text);
  for (std::string_view rest = decoded; !rest.empty();) {
    const size_t length = address::Utf8Length(rest);
    if (length == 0) std::abort();
    rest.remove_prefix(length);
  }
  const std::string repaired = mime::RepairUtf8(text);
  if (mime::DecodeWords(mime::EncodeWords(repaired)) != repaired) std::abort();
  return 0;
}
