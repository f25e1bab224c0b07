#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/app/environment.h"
#include "libs/app/service.h"

namespace cleanmail::app {

// How a room is made: {"quarantine", &cleanmail::quarantine::MakeService}.
struct Factory {
  std::string name;  // also the name of its section in the configuration file
  std::function<absl::StatusOr<Service>(Environment&)> make;
};

// The whole of a process's main: flags, configuration, environment, rooms, doors, signals, drain. Returns the exit code: 0 after
// an orderly stop, 1 when it could not start, 2 for wrong flags.
//   --config FILE --check-config --print-config --migrate --version --help
int RunMain(int argc, char** argv, std::vector<Factory> factories);

// A process's inside: everything RunMain makes but the signals. Tests and the all-in-one's other verbs use it too.
class Process {
 public:
  struct Options {
    config::Document document;
    std::vector<Factory> factories;
  };
  // Opens the stores and all doors. Comes back once they are open, which is before the directory is complete (see WaitReady).
  static absl::StatusOr<std::unique_ptr<Process>> Start(Options options);
  virtual ~Process() = default;

  // OK, or what is not ready yet, in words.
  virtual absl::Status Ready() = 0;
  // What works but should be looked at.
  virtual std::vector<std::string> Warnings() = 0;
  // Reopens logs, rereads certificates.
  virtual void Reload() = 0;
  // Drains and stops; what is in hand may take until the configured deadline. Idempotent.
  virtual void Stop() = 0;

  virtual Environment& environment() = 0;
  // Ports of the listeners by name, and of the operations port ("operations").
  virtual std::map<std::string, int> ports() const = 0;
  // Path of the unix socket the command line speaks to.
  virtual std::string rpc_socket() const = 0;
};

}  // namespace cleanmail::app
