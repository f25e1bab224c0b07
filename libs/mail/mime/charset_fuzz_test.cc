#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/encodings.h"
#include "libs/mail/mime/flowed.h"
#include "libs/mail/mime/normalize.h"

// The first line names a character set, the rest is text in it. Whatever comes, what is read is
// well-formed UTF-8, as is what it is compared as; readings of base64 agree where it is clean.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::mime;
  const std::string_view all(reinterpret_cast<const char*>(data), size);
  const size_t line = all.find('\n');
  const std::string_view charset = all.substr(0, line);
  const std::string_view bytes =
      line == std::string_view::npos ? std::string_view() : all.substr(line + 1);
  const DecodedText text = DecodeText(charset, bytes);
  if (RepairUtf8(text.utf8) != text.utf8) std::abort();
  const NormalText normal = Normalize(text.utf8);
  if (RepairUtf8(normal.text) != normal.text) std::abort();
  if (normal.invisible_in_words > normal.invisible || normal.bidi_overrides > normal.bidi)
    std::abort();
  const std::string skeleton = Skeleton(text.utf8);
  if (RepairUtf8(skeleton) != skeleton) std::abort();
  MixesScripts(text.utf8);
  JoinFlowed(text.utf8, size % 2 == 0);
  if (ReadBase64(bytes).first != DecodeBase64(bytes)) std::abort();
  return 0;
}
