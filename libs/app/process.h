#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/app/environment.h"
#include "libs/app/service.h"

namespace cleanmail::app {

// How a room is made: {"quarantine", &cleanmail::quarantine::MakeService}.
struct Factory {
  std::string name;  // also the name of its section in the configuration file
  std::function<absl::StatusOr<Service>(Environment&)> make;
};

// The sections a configuration file may have: `app` and one per room.
std::vector<std::string> SectionsOf(const std::vector<Factory>& factories);

// A process's inside: everything RunMain makes but flags and signals. Tests use it too.
class Process {
 public:
  struct Options {
    config::Document document;
    std::vector<Factory> factories = {};
    std::string data_folder = {};  // instead of the document's
    std::string operations =
        {};  // where the operations port listens when the document does not say
    bool migrate_only =
        false;  // makes the rooms, which brings their schemas up to date, and opens no door
    // For a process whose engines may come later than it: asked to wait before Start tries again
    // what was Unavailable; false gives up. Without it Start fails at once.
    std::function<bool(absl::Duration pause)> wait = {};
  };
  // Opens the stores, makes the rooms, opens all doors: RPC, consumers, timers, listeners. Comes
  // back once they are open, which may be before the directory is complete: see Ready. The
  // operations port opens first and says what is waited for.
  static absl::StatusOr<std::unique_ptr<Process>> Start(Options options);
  virtual ~Process() = default;  // Stop

  // OK, or what is not ready, in words.
  virtual absl::Status Ready() = 0;
  // What works but should be looked at.
  virtual std::vector<std::string> Warnings() = 0;
  // Reopens logs, rereads certificates.
  virtual void Reload() = 0;
  // Drains and stops: not ready, listeners closed, consumers paused; what is in hand ends, at most
  // until app.drain_deadline; RPC closed, rooms destroyed, stores closed. Idempotent.
  virtual void Stop() = 0;

  // Gone after Stop.
  virtual Environment& environment() = 0;
  // Ports of the listeners by name, of the operations port ("operations") and, in a cluster, of the
  // port for other processes ("rpc").
  virtual std::map<std::string, int> ports() const = 0;
  // The unix socket the command line speaks to.
  virtual std::string rpc_socket() const = 0;
};

}  // namespace cleanmail::app
