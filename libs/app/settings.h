#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/config/config.h"
#include "libs/telemetry/log.h"
#include "proto/cleanmail/app/v1/config.pb.h"

namespace cleanmail::app {

// What stands instead of the file's (data folder) or of the default (operations port), if not
// empty.
struct SettingsOverrides {
  std::string data_folder = {};
  std::string operations = {};
};

// The `app` section with every default filled in, checked. InvalidArgument names the key.
absl::StatusOr<v1::AppConfig> LoadSettings(const config::Document& document,
                                           const SettingsOverrides& overrides = {});

// Checks the sections of all rooms against their protos, found by name (`quarantine` →
// cleanmail.quarantine.v1.QuarantineConfig).
absl::Status CheckSections(const config::Document& document, const std::vector<std::string>& rooms);

// `app` (with defaults) and the rooms' sections as YAML, secrets masked.
std::string PrintSettings(const v1::AppConfig& settings, const config::Document& document,
                          const std::vector<std::string>& rooms);

absl::Duration ToDuration(const google::protobuf::Duration& duration);
telemetry::Level LevelOf(const v1::AppConfig& settings);

// The path of a file named relative to the data folder.
std::string InDataFolder(const v1::AppConfig& settings, const std::string& name);

}  // namespace cleanmail::app
