#pragma once

#include <functional>
#include <optional>
#include <string>

#include "libs/testing/child_process.h"

namespace cleanmail::testing {

// A new folder of its own below /tmp, passable for `user` and owned by him when this process is
// root and the user exists; removed at the end. (Bazel's own folders are not passable for other
// users.)
class ServerFolder {
 public:
  explicit ServerFolder(const std::string& user = "");
  ~ServerFolder();
  ServerFolder(const ServerFolder&) = delete;
  ServerFolder& operator=(const ServerFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A server a test starts, stops, kills and starts again with the same data. Not thread-safe.
class ServerProcess {
 public:
  // `ready` says whether it answers.
  ServerProcess(ChildOptions options, std::function<bool()> ready)
      : options_(std::move(options)), ready_(std::move(ready)) {}
  // Returns once it answers. NotFound: the program is missing. Unavailable: it ended or does not
  // answer within 10 s; its output is in the message.
  absl::Status Start();
  // SIGTERM (or `signal`), then waits.
  void Stop(int signal = 15);
  // SIGKILL to it and the processes it started itself, then waits.
  void Kill();
  // SIGSTOP and SIGCONT: it hangs, its connections stay.
  void Freeze();
  void Thaw();
  bool running() { return process_.has_value() && process_->running(); }

 private:
  absl::Status StartOnce(bool& ended);

  const ChildOptions options_;
  const std::function<bool()> ready_;
  std::optional<ChildProcess> process_;
};

// Runs a program to its end; its output is in the message when it fails. NotFound: it is missing.
absl::Status RunProgram(const ChildOptions& options, absl::Duration most = absl::Seconds(20));

// ${CLEANMAIL_SERVERS:-/var/cache/cleanmail/servers}: where the install scripts put servers.
std::string ServersFolder();

}  // namespace cleanmail::testing
