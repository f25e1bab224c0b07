#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "libs/config/config.h"
#include "proto/cleanmail/ingress/v1/config.pb.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const std::vector<std::string> kSections = {"app", "ingress"};
  const auto document = cleanmail::config::Document::Parse(
      std::string_view(reinterpret_cast<const char*>(data), size), kSections);
  if (!document.ok()) return 0;
  (void)document->Section<cleanmail::app::v1::AppConfig>();
  const auto ingress = document->Section<cleanmail::ingress::v1::IngressConfig>();
  if (!ingress.ok()) return 0;
  // What is printed reads back as the same.
  const auto again =
      cleanmail::config::Document::Parse(cleanmail::config::Print(*ingress, "ingress"), kSections);
  if (!again.ok()) std::abort();
  const auto section = again->Section<cleanmail::ingress::v1::IngressConfig>();
  if (!section.ok() || section->SerializeAsString() != ingress->SerializeAsString()) std::abort();
  return 0;
}
