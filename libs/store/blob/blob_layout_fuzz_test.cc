#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/store/blob/blob_layout.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::blob;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view rest = bytes;
  if (const auto head = TakeChunkHead(rest);
      head.ok() && EncodeChunkHead(*head) != bytes.substr(0, size - rest.size()))
    std::abort();
  (void)DecodeMicros(bytes);
  const BlobName name{"acme", std::string(bytes)};
  if (CheckName(name).ok() && BodyPrefixOf(ChunkKey(name, 7)) != BodyPrefix(name)) std::abort();
  return 0;
}
