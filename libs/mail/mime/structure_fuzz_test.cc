#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/mail/mime/entities.h"

// Entities lie in the message, each within its container, and no limit is passed.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::mime;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const Entities found = FindEntities(text, {.parts = 50, .depth = 10, .header_bytes = 1000});
  if (found.structure.parts > 50 || found.structure.depth > 10) std::abort();
  for (const Entity& entity : found.list) {
    if (entity.begin > entity.body || entity.body > entity.end || entity.end > size) std::abort();
    if (entity.parent != Entity::kNone) {
      const Entity& parent = found.list[entity.parent];
      if (entity.begin < parent.body || entity.end > parent.end) std::abort();
    }
    const EntityFacts facts = FactsOf(text, entity);
    (void)DecodedBody(text, entity, facts.encoding);
  }
  (void)ParseContentType(text);
  return 0;
}
