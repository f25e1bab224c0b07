#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/mime/contents.h"

// Contents stay within their limits and belong to entities that are there; text is well-formed.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::mime;
  const std::string_view message(reinterpret_cast<const char*>(data), size);
  const ContentLimits limits = {.structure = {.parts = 50, .depth = 10, .header_bytes = 5000},
                                .contents = 60,
                                .bytes = 1 << 20,
                                .levels = 3};
  const Entities entities = FindEntities(message, limits.structure);
  const Contents contents = ReadContents(message, entities, limits);
  if (contents.list.size() > limits.contents || contents.ambiguities.size() > 100) std::abort();
  for (const Content& one : contents.list) {
    if (one.entity >= entities.list.size()) std::abort();
    if (one.text && !one.type.starts_with("text/")) std::abort();
    if (one.names.empty() != one.name.empty()) std::abort();
  }
  for (const Entity& entity : entities.list) {
    if (entity.begin > entity.body || entity.body > entity.end || entity.end > size) std::abort();
  }
  return 0;
}
