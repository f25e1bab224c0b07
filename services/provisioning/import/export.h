#pragma once

#include <string>
#include <vector>

#include "proto/cleanmail/provisioning/v1/provisioning.pb.h"

// The file that an import takes back unchanged. Pure.
namespace cleanmail::provisioning::import {

// Names of the columns, with the line's end (CRLF).
std::string HeaderLine();
// A user's line, with its end; `groups` are ids.
std::string ToLine(const v1::User& user, const std::vector<std::string>& groups);

}  // namespace cleanmail::provisioning::import
