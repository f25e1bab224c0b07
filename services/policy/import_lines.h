#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cleanmail/policy/v1/rules.pb.h"

namespace cleanmail::policy {

// One line of an import, as an entry nobody has checked yet, or why it is none.
struct ImportLine {
  int number = 0;  // from 1
  absl::StatusOr<v1::ListEntry> entry;
};

// Reads a list of senders, a line each, or CSV (RFC 4180; comma or semicolon), with or without a
// line of column names: sender, kind, scope, comment, networks, expire_time. Without one: sender,
// comment. Empty lines and lines that begin with # are left out. InvalidArgument beyond 10,000
// lines or 1 MiB, or for an unknown column.
absl::StatusOr<std::vector<ImportLine>> ReadImport(std::string_view text);

}  // namespace cleanmail::policy
