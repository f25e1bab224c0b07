#include "libs/config/config.h"

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/config/fill.h"
#include "libs/config/yaml_tree.h"

namespace cleanmail::config {
namespace {

// The bytes of a file no longer than `limit`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t limit) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    const std::string why = base::Cat(path, ": ", std::strerror(errno));
    if (errno == ENOENT || errno == ENOTDIR) return absl::NotFoundError(why);
    return absl::PermissionDeniedError(why);
  }
  std::string bytes;
  char block[16 * 1024];
  ssize_t got = 0;
  while ((got = read(fd, block, sizeof block)) > 0 && bytes.size() <= limit)
    bytes.append(block, static_cast<size_t>(got));
  const int error = errno;
  close(fd);
  if (got < 0) return absl::UnavailableError(base::Cat(path, ": ", std::strerror(error)));
  if (bytes.size() > limit)
    return absl::InvalidArgumentError(base::Cat(path, ": larger than ", limit, " bytes"));
  return bytes;
}

// `cleanmail.quarantine.v1` → `quarantine`.
std::string SectionOf(const google::protobuf::Descriptor& type) {
  std::string package = type.file()->package();
  const size_t first = package.find('.');
  return package.substr(first + 1, package.rfind('.') - first - 1);
}

}  // namespace

struct Document::Tree {
  std::string path;
  YamlNode root;
};

Document::Document() : tree_(std::make_shared<Tree>()) {}
Document::~Document() = default;
Document::Document(const Document&) = default;
Document& Document::operator=(const Document&) = default;

absl::StatusOr<Document> Document::Load(const std::string& path,
                                        std::span<const std::string> sections) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kLongestFile));
  return Parse(text, sections, path);
}

absl::StatusOr<Document> Document::Parse(std::string_view text,
                                         std::span<const std::string> sections, std::string path) {
  auto tree = std::make_shared<Tree>();
  CLEANMAIL_ASSIGN_OR_RETURN(tree->root, ParseYaml(text, path));
  if (tree->root.kind != YamlNode::Kind::kMap && tree->root.kind != YamlNode::Kind::kNothing) {
    return absl::InvalidArgumentError(
        base::Cat(path, ":", tree->root.line, ": must be sections, like \"app:\""));
  }
  for (const YamlNode::Entry& entry : tree->root.map) {
    if (std::find(sections.begin(), sections.end(), entry.key) == sections.end()) {
      const std::string_view nearest = base::Nearest(entry.key, sections);
      return absl::InvalidArgumentError(
          base::Cat(path, ":", entry.line, ": unknown section \"", base::Printable(entry.key, 100),
                    "\"", nearest.empty() ? "" : base::Cat("; did you mean \"", nearest, "\"?")));
    }
    if (entry.value.kind != YamlNode::Kind::kMap && entry.value.kind != YamlNode::Kind::kNothing) {
      return absl::InvalidArgumentError(base::Cat(path, ":", entry.line, ": ", entry.key,
                                                  ": must be a section of keys and values"));
    }
  }
  tree->path = std::move(path);
  Document document;
  document.tree_ = std::move(tree);
  return document;
}

absl::Status Document::Fill(google::protobuf::Message& section) const {
  const std::string name = SectionOf(*section.GetDescriptor());
  for (const YamlNode::Entry& entry : tree_->root.map) {
    if (entry.key == name) return FillMessage(entry.value, tree_->path, name, section);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ResolveSecret(const app::v1::Secret& secret) {
  const std::string& reference = secret.reference();
  std::string value;
  if (reference.starts_with("file:")) {
    CLEANMAIL_ASSIGN_OR_RETURN(value, ReadFile(reference.substr(5), 64 * 1024));
  } else if (reference.starts_with("env:")) {
    const char* found = std::getenv(reference.c_str() + 4);
    if (found == nullptr)
      return absl::NotFoundError(
          base::Cat("the environment has no ", base::Printable(reference.substr(4), 100)));
    value = found;
  } else {
    return absl::InvalidArgumentError("a secret is named as file:/path or env:NAME");
  }
  const size_t begin = value.find_first_not_of(" \t\r\n");
  if (begin == std::string::npos) return std::string();
  return value.substr(begin, value.find_last_not_of(" \t\r\n") - begin + 1);
}

}  // namespace cleanmail::config
