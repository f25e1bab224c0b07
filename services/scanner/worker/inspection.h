#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "services/scanner/worker/file_engine.h"

namespace cleanmail::scanner::worker {

// Looks at one message: `bytes` are the message and then its contents, as `task` says. Every engine
// sees the message, every content and every file within. Total over any bytes.
v1::ScanAnswer Inspect(const v1::ScanTask& task, std::string_view bytes,
                       const v1::InspectionLimits& limits,
                       std::span<const std::unique_ptr<FileEngine>> engines);

}  // namespace cleanmail::scanner::worker
