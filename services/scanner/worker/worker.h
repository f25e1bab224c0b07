#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "services/scanner/worker/channel.h"
#include "services/scanner/worker/file_engine.h"

namespace cleanmail::scanner::worker {

// The descriptor at which a worker program finds its channel to the scanner.
inline constexpr int kChannelDescriptor = 3;

// Loads what a setup asks for.
using EngineLoader =
    std::function<absl::StatusOr<std::vector<std::unique_ptr<FileEngine>>>(const v1::WorkerSetup&)>;

// libclamav and libyara, as far as the setup names something for them.
absl::StatusOr<std::vector<std::unique_ptr<FileEngine>>> LoadEngines(const v1::WorkerSetup& setup);

// The whole life of a worker program: takes its setup from `scanner`, gives up its rights, loads
// the engines, confines itself, and forks processes that scan until the scanner is gone. Comes back
// with the program's exit code.
int RunWorker(Channel scanner, const EngineLoader& load);

}  // namespace cleanmail::scanner::worker
