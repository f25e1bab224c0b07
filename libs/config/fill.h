#pragma once

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "libs/config/yaml_tree.h"

// Private to libs/config.
namespace cleanmail::config {

// Fills `message` from a YAML map. `where` is the dotted place for errors (`ingress`), `path` the
// file's name.
absl::Status FillMessage(const YamlNode& node, std::string_view path, const std::string& where,
                         google::protobuf::Message& message);

// A word of an enum's value as people write it: ROLE_SMART_HOST → smart_host.
std::string ShortName(const google::protobuf::EnumValueDescriptor& value);

}  // namespace cleanmail::config
