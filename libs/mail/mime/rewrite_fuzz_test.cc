#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "libs/mail/mime/entities.h"
#include "libs/mail/mime/rewrite.h"

// Changing a message never loses its body's size class, and tagging twice is tagging once.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::mime;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::array<Change, 1> tag = {SubjectTag{"[PUB]"}};
  const Rewritten once = Rewrite(text, tag);
  if (Rewrite(once.message, tag).message != once.message) std::abort();
  const std::array<Change, 3> all = {
      BannerText{.text = "\xc3\xb6", .html = "<p>x</p>", .at_end = size % 2 == 0},
      RemovedParts{.numbers = {"1", "2", "1.2"}, .note = "gone"}, NewField{"X-A", "b"}};
  const Rewritten changed = Rewrite(text, all);
  if (changed.message.size() > size * 8 + 10000) std::abort();
  (void)FindEntities(changed.message);
  return 0;
}
