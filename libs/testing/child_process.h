#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cleanmail::testing {

struct ChildOptions {
  std::vector<std::string> argv = {};           // argv[0] with a slash, or looked up in PATH
  std::map<std::string, std::string> env = {};  // added to this process's
  std::string folder = {};                      // to work in; empty: this process's
  std::string output = {};                      // file its output and errors are appended to
  std::string user = {};                        // run as, when this process is root
};

// Another program, run by a test. It dies with the thread that started it: start it from a thread
// that lives as long as it is needed. Not thread-safe.
class ChildProcess {
 public:
  // NotFound: no such program (or user). Unavailable: it cannot be started, in words.
  static absl::StatusOr<ChildProcess> Start(const ChildOptions& options);
  ChildProcess(ChildProcess&& other) noexcept;
  ChildProcess& operator=(ChildProcess&& other) noexcept;
  // Kills what still runs.
  ~ChildProcess();

  // Nothing happens when it has ended.
  void Signal(int number);
  // Its exit code, or minus the signal that ended it. DeadlineExceeded: it still runs.
  absl::StatusOr<int> Wait(absl::Duration most);
  bool running();
  pid_t pid() const { return pid_; }

 private:
  explicit ChildProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_ = 0;
  std::optional<int> ended_;
};

// Asks it to end by SIGTERM; kills it when it has not after `most`.
void Stop(ChildProcess& process, absl::Duration most = absl::Seconds(5));

// The whole file, "" when it is not there: for a failed test's message.
std::string OutputOf(const std::string& file);

}  // namespace cleanmail::testing
