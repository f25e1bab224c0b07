#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "proto/cleanmail/scanner/v1/worker.pb.h"

namespace cleanmail::scanner::worker {

// What an engine says of a file.
struct Match {
  enum class Kind {
    kMalware,
    kSuspicious,
    kTooLarge,  // not looked at wholly
  };
  Kind kind = Kind::kMalware;
  std::string signature;
};

// Looks for known malware in bytes. Loaded before the process is confined; used by the processes
// forked from it.
class FileEngine {
 public:
  virtual ~FileEngine() = default;
  virtual std::string_view name() const = 0;
  virtual v1::EngineState State() const = 0;
  // Temporary files go here from now on.
  virtual void UseScratch(const std::string&) {}
  // Any error: the engine failed on these bytes.
  virtual absl::StatusOr<std::vector<Match>> Scan(std::string_view bytes) = 0;
};

}  // namespace cleanmail::scanner::worker
