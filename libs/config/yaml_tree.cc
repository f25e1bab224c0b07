#include "libs/config/yaml_tree.h"

#include <set>

#include <yaml-cpp/yaml.h>

#include "libs/base/status_macros.h"
#include "libs/base/text.h"

namespace cleanmail::config {
namespace {

class Builder {
 public:
  explicit Builder(std::string_view path) : path_(path) {}

  absl::StatusOr<YamlNode> Build(const YAML::Node& yaml, int depth) {
    YamlNode node;
    node.line = yaml.Mark().line + 1;
    if (depth > kDeepestNode)
      return Wrong(node.line, base::Cat("nested deeper than ", kDeepestNode));
    if (++nodes_ > kMostNodes)
      return Wrong(node.line,
                   base::Cat("more than ", kMostNodes, " values once aliases are followed"));
    switch (yaml.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return node;
      case YAML::NodeType::Scalar:
        node.kind = YamlNode::Kind::kScalar;
        node.scalar = yaml.Scalar();
        return node;
      case YAML::NodeType::Sequence:
        node.kind = YamlNode::Kind::kList;
        for (const YAML::Node& child : yaml) {
          CLEANMAIL_ASSIGN_OR_RETURN(YamlNode built, Build(child, depth + 1));
          node.list.push_back(std::move(built));
        }
        return node;
      case YAML::NodeType::Map:
        node.kind = YamlNode::Kind::kMap;
        return BuildMap(yaml, std::move(node), depth);
    }
    return Wrong(node.line, "a node of no known kind");
  }

 private:
  absl::StatusOr<YamlNode> BuildMap(const YAML::Node& yaml, YamlNode node, int depth) {
    std::set<std::string> seen;
    for (const auto& pair : yaml) {
      const int line = pair.first.Mark().line + 1;
      if (!pair.first.IsScalar()) return Wrong(line, "a key that is not a word");
      const std::string& key = pair.first.Scalar();
      if (!seen.insert(key).second)
        return Wrong(line,
                     base::Cat("the key \"", base::Printable(key, 100), "\" stands here twice"));
      CLEANMAIL_ASSIGN_OR_RETURN(YamlNode built, Build(pair.second, depth + 1));
      node.map.push_back({.key = key, .line = line, .value = std::move(built)});
    }
    return node;
  }

  absl::Status Wrong(int line, std::string_view why) const {
    return absl::InvalidArgumentError(base::Cat(path_, ":", line, ": ", why));
  }

  const std::string_view path_;
  int nodes_ = 0;
};

}  // namespace

absl::StatusOr<YamlNode> ParseYaml(std::string_view text, std::string_view path) {
  if (text.size() > kLongestFile)
    return absl::InvalidArgumentError(base::Cat(path, ": larger than ", kLongestFile, " bytes"));
  if (text.find('\0') != std::string_view::npos)
    return absl::InvalidArgumentError(base::Cat(path, ": not text"));
  try {
    return Builder(path).Build(YAML::Load(std::string(text)), 0);
  } catch (const YAML::Exception& thrown) {
    return absl::InvalidArgumentError(base::Cat(path, ":", thrown.mark.line + 1,
                                                ": not YAML: ", base::Printable(thrown.msg, 200)));
  } catch (const std::exception& thrown) {
    return absl::InvalidArgumentError(
        base::Cat(path, ": not YAML: ", base::Printable(thrown.what(), 200)));
  }
}

}  // namespace cleanmail::config
