#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "libs/rpc/resource/filter.h"

namespace {

int Terms(const cleanmail::rpc::resource::Filter& filter) {
  int terms = filter.kind == cleanmail::rpc::resource::Filter::Kind::kTerm ? 1 : 0;
  for (const auto& part : filter.below) terms += Terms(part);
  return terms;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::rpc::resource;
  static const FilterSchema kSchema = {
      .fields = {{"sender", {}},
                 {"size", {.type = FieldType::kInteger}},
                 {"score", {.type = FieldType::kNumber}},
                 {"time", {.type = FieldType::kTime}},
                 {"verdict", {.type = FieldType::kWord, .words = {{"held", "held"}}}}},
      .bare = "sender"};
  const auto filter =
      ParseFilter(std::string_view(reinterpret_cast<const char*>(data), size), kSchema);
  if (filter.ok() && Terms(*filter) > kMostFilterTerms) std::abort();
  return 0;
}
