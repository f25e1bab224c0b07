#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/message.h"
#include "proto/cleanmail/app/v1/config.pb.h"

namespace cleanmail::config {

// A configuration file: YAML with one section per service, each checked against a proto. A value
// that is cheap to copy; thread-safe to read.
//
// In YAML: keys are the proto's field names; an enum is its value's name, with or without the
// enum's prefix, in any case (`mx`); a Duration is `5s`, `1m30s`, `192h`, `250ms`; an integer field
// whose name ends in `_bytes` also takes `50MiB`, `10 MB`; a Secret is its reference
// (`file:/etc/key`, `env:KEY`).
class Document {
 public:
  // An empty file: every section is absent.
  Document();
  ~Document();
  Document(const Document&);
  Document& operator=(const Document&);

  // Reads a file / text. `sections` are the names a top-level key may have. InvalidArgument: not
  // YAML, an unknown section, too large (1 MiB), too deep (20), too many nodes once aliases are
  // followed (100,000). NotFound, PermissionDenied: the file.
  static absl::StatusOr<Document> Load(const std::string& path,
                                       std::span<const std::string> sections);
  static absl::StatusOr<Document> Parse(std::string_view text,
                                        std::span<const std::string> sections,
                                        std::string path = "(text)");

  // The section that belongs to T: `cleanmail.quarantine.v1.QuarantineConfig` → `quarantine`;
  // proto3 zero values where it is absent. InvalidArgument with path, line, value and what would be
  // right.
  template <class T>
  absl::StatusOr<T> Section() const {
    T section;
    if (absl::Status filled = Fill(section); !filled.ok()) return filled;
    return section;
  }

  // The same into a message whose type is not known when this is compiled.
  absl::Status Fill(google::protobuf::Message& section) const;

 private:
  struct Tree;
  std::shared_ptr<const Tree> tree_;  // shared by copies
};

// The bytes a reference names: `file:/path` (white space around it dropped) or `env:NAME`.
// InvalidArgument: neither. NotFound: no such file or variable. The text never contains the secret.
absl::StatusOr<std::string> ResolveSecret(const app::v1::Secret& secret);

// A section as YAML, secrets as "(secret)". Only fields that are set.
std::string Print(const google::protobuf::Message& section, std::string_view name);

}  // namespace cleanmail::config
