#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "libs/mail/mime/header_block.h"

// An unchanged block gives its bytes back; adding and removing a field changes nothing else.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cleanmail::mail::mime::HeaderBlock;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto block = HeaderBlock::Parse(text);
  if (!block.ok()) return 0;
  const std::string before = block->ToString();
  if (block->terminated() && before != text.substr(0, block->body_offset())) std::abort();
  for (const auto& field : block->fields()) (void)field.value();
  const size_t same_name = block->Count("X-Fuzz");
  block->Prepend("X-Fuzz", text.substr(0, 200));
  const std::string after = block->ToString();
  const auto again = HeaderBlock::Parse(after, {.bytes = 1 << 20, .fields = 3000});
  if (!again.ok()) std::abort();
  // A first line that begins with white space belongs to whatever is put before it.
  const bool leading_blank = !text.empty() && (text[0] == ' ' || text[0] == '\t');
  if (!leading_blank && again->Count("X-Fuzz") != same_name + 1) std::abort();
  if (block->Remove("x-fuzz") != same_name + 1) std::abort();
  if (same_name == 0 && block->ToString() != before) std::abort();
  return 0;
}
