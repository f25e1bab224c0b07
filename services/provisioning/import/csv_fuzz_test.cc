#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "services/provisioning/import/csv.h"
#include "services/provisioning/import/lines.h"

// Any bytes are read to the end within bounds, and what is written is read back the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::provisioning::import;
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto text = ToUtf8(bytes);
  if (!text.ok()) return 0;
  Reader reader(text->utf8, DetectSeparator(text->utf8));
  int64_t line = 0;
  while (const auto record = reader.Next()) {
    if (record->line <= line) std::abort();
    line = record->line;
    if (record->fields.size() > kMostFields) std::abort();
    for (const std::string& field : record->fields) {
      const std::string written = ToField(field) + "\n";
      Reader again(written, ',');
      const auto back = again.Next();
      if (field.empty()) continue;
      if (field.find('\r') != std::string::npos) continue;  // line ends become LF
      if (!back || back->fields.size() != 1 || WithoutApostrophe(back->fields[0]) != field)
        std::abort();
    }
  }
  const auto file = File::Open(bytes, Kind::kUsers);
  if (!file.ok()) return 0;
  while ((*file)->NextUser().has_value()) {
  }
  return 0;
}
