#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/scanner/worker/compound_file.h"
#include "services/scanner/worker/documents.h"

// Any bytes as a compound file, and as compressed source of macros.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner::worker;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (DecompressVba(bytes, 1 << 20).size() > (1 << 20) + 8192) std::abort();
  const auto file = CompoundFile::Open(bytes);
  if (!file.ok()) return 0;
  for (const CompoundFile::Entry& entry : file->entries()) {
    if (file->Read(entry, 1 << 16).size() > 1 << 16) std::abort();
  }
  LookAtCompoundFile(*file);
  return 0;
}
