#include "libs/rpc/resource/name.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/text.h"

namespace cleanmail::rpc::resource {
namespace {

constexpr size_t kLongestSegment = 320;  // an address: 64 + @ + 255
constexpr size_t kLongestTenant = 63;

std::string_view TakeSegment(std::string_view& rest) {
  const size_t slash = rest.find('/');
  const std::string_view segment = rest.substr(0, slash);
  rest = slash == std::string_view::npos ? std::string_view{} : rest.substr(slash + 1);
  return segment;
}

bool IsSegment(std::string_view segment) {
  return !segment.empty() && segment.size() <= kLongestSegment &&
         std::ranges::none_of(segment, [](unsigned char c) { return c <= 0x20 || c == 0x7f; });
}

}  // namespace

absl::StatusOr<std::vector<std::string>> Match(std::string_view pattern, std::string_view name) {
  const absl::Status refusal = absl::InvalidArgumentError(
      base::Cat("name: \"", base::Printable(name, 200), "\" is not of the form ", pattern));
  if (std::ranges::count(pattern, '/') != std::ranges::count(name, '/')) return refusal;
  std::vector<std::string> variables;
  std::string_view pattern_rest = pattern;
  std::string_view name_rest = name;
  while (!pattern_rest.empty()) {
    const std::string_view expected = TakeSegment(pattern_rest);
    const std::string_view segment = TakeSegment(name_rest);
    if (!IsSegment(segment)) return refusal;
    if (expected == "*") {
      variables.emplace_back(segment);
    } else if (expected != segment) {
      return refusal;
    }
  }
  return variables;
}

bool IsTenantId(std::string_view id) {
  const auto is_inner = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  };
  return !id.empty() && id.size() <= kLongestTenant && std::ranges::all_of(id, is_inner) &&
         id.front() != '-' && id.back() != '-';
}

}  // namespace cleanmail::rpc::resource
