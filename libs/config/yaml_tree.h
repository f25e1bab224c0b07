#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

// Private to libs/config: YAML as a plain tree with lines. The only file pair that knows yaml-cpp
// is yaml_tree.cc.
namespace cleanmail::config {

struct YamlNode {
  enum class Kind { kNothing, kScalar, kList, kMap };
  struct Entry;
  Kind kind = Kind::kNothing;
  int line = 0;                // from 1
  std::string scalar;          // kScalar
  std::vector<YamlNode> list;  // kList
  std::vector<Entry> map;      // kMap, in the file's order, keys unique
};
struct YamlNode::Entry {
  std::string key;
  int line = 0;
  YamlNode value;
};

// Bounds on what is read, against files that are small and mean much (T-E: aliases of aliases).
inline constexpr size_t kLongestFile = 1 << 20;
inline constexpr int kDeepestNode = 20;
inline constexpr int kMostNodes = 100'000;

// InvalidArgument `path:line: why`.
absl::StatusOr<YamlNode> ParseYaml(std::string_view text, std::string_view path);

}  // namespace cleanmail::config
