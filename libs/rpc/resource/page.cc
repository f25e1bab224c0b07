#include "libs/rpc/resource/page.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "libs/base/cat.h"

namespace cleanmail::rpc::resource {
namespace {

constexpr char kVersion = '1';  // so that a later form of token can be told apart
constexpr size_t kLongestToken = 2000;

}  // namespace

absl::StatusOr<int32_t> PageSize(int32_t requested) {
  if (requested < 0)
    return absl::InvalidArgumentError(base::Cat("page_size: ", requested, " is negative"));
  return requested == 0 ? kDefaultPageSize : std::min(requested, kLargestPageSize);
}

std::string ToPageToken(std::string_view key) {
  if (key.empty()) return "";
  return absl::WebSafeBase64Escape(base::Cat(std::string_view(&kVersion, 1), key));
}

absl::StatusOr<std::string> FromPageToken(std::string_view token) {
  if (token.empty()) return "";
  std::string plain;
  if (token.size() > kLongestToken || !absl::WebSafeBase64Unescape(base::AbslView(token), &plain) ||
      plain.size() < 2 || plain.front() != kVersion) {
    return absl::InvalidArgumentError(
        "page_token: not a token this service gave out; leave it empty for the first page");
  }
  return plain.substr(1);
}

}  // namespace cleanmail::rpc::resource
