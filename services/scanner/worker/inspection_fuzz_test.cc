#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/scanner/worker/inspection.h"

// Any bytes as a file, whatever it turns out to be: archive, document, page, picture. The first
// byte chooses its name.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner;
  static constexpr std::string_view kNames[] = {"a.bin",  "a.html", "a.svg", "a.doc.exe",
                                                "a.docm", "a.gz",   "a.png", "a.zip"};
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  v1::ScanTask task;
  v1::ScanTask::Item& item = *task.add_items();
  item.set_size(static_cast<int64_t>(bytes.size()));
  item.add_names(std::string(kNames[data[0] % std::size(kNames)]));
  item.set_attachment(true);
  task.add_passwords("secret");
  v1::InspectionLimits limits;
  limits.set_depth(3);
  limits.set_files(50);
  limits.set_file_bytes(1 << 20);
  limits.set_total_bytes(4 << 20);
  limits.set_ratio(250);
  limits.set_archive_millis(500);
  limits.set_picture_pixels(1 << 18);
  const v1::ScanAnswer answer = worker::Inspect(task, bytes, limits, {});
  if (!answer.error().empty()) std::abort();
  if (answer.SerializeAsString().size() > 120'000) std::abort();  // it must fit a packet
  return 0;
}
