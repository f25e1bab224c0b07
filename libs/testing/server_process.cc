#include "libs/testing/server_process.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

#include <pwd.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::testing {
namespace {

constexpr absl::Duration kStart = absl::Seconds(10);

}  // namespace

ServerFolder::ServerFolder(const std::string& user) {
  std::string path = "/tmp/cleanmail-server-XXXXXX";
  CLEANMAIL_CHECK(mkdtemp(path.data()) != nullptr, "no folder below /tmp");
  path_ = path;
  std::filesystem::permissions(path_, std::filesystem::perms(0755));
  const passwd* entry = user.empty() || geteuid() != 0 ? nullptr : getpwnam(user.c_str());
  if (entry != nullptr)
    CLEANMAIL_CHECK(chown(path_.c_str(), entry->pw_uid, entry->pw_gid) == 0,
                    "the folder cannot be given away: the test needs the tag no-sandbox");
}

ServerFolder::~ServerFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

absl::Status ServerProcess::Start() {
  const absl::Time deadline = absl::Now() + kStart;
  while (true) {
    bool ended = false;
    const absl::Status status = StartOnce(ended);
    // After a kill, what its predecessor left behind may be in the way for a moment.
    if (!ended || absl::Now() > deadline) return status;
    absl::SleepFor(absl::Milliseconds(100));
  }
}

absl::Status ServerProcess::StartOnce(bool& ended) {
  CLEANMAIL_ASSIGN_OR_RETURN(ChildProcess process, ChildProcess::Start(options_));
  process_ = std::move(process);
  const absl::Time deadline = absl::Now() + kStart;
  while (!ready_()) {
    ended = !process_->running();
    if (ended || absl::Now() > deadline)
      return absl::UnavailableError(base::Cat(options_.argv[0],
                                              ended ? " ended at once:\n" : " does not answer:\n",
                                              OutputOf(options_.output)));
    absl::SleepFor(absl::Milliseconds(10));
  }
  return absl::OkStatus();
}

void ServerProcess::Stop(int signal) {
  if (!process_) return;
  process_->Signal(signal);
  if (!process_->Wait(absl::Seconds(10)).ok()) Kill();
}

void ServerProcess::Kill() {
  if (!process_ || !process_->running()) return;
  std::vector<pid_t> children;
  std::ifstream list(base::Cat("/proc/", process_->pid(), "/task/", process_->pid(), "/children"));
  for (pid_t child = 0; list >> child;) children.push_back(child);
  process_->Signal(SIGKILL);
  for (const pid_t child : children) kill(child, SIGKILL);
  (void)process_->Wait(absl::Seconds(10));
}

void ServerProcess::Freeze() {
  if (process_) process_->Signal(SIGSTOP);
}

void ServerProcess::Thaw() {
  if (process_) process_->Signal(SIGCONT);
}

absl::Status RunProgram(const ChildOptions& options, absl::Duration most) {
  CLEANMAIL_ASSIGN_OR_RETURN(ChildProcess process, ChildProcess::Start(options));
  CLEANMAIL_ASSIGN_OR_RETURN(const int code, process.Wait(most));
  if (code == 0) return absl::OkStatus();
  return absl::UnavailableError(
      base::Cat(options.argv[0], " ended with ", code, ":\n", OutputOf(options.output)));
}

std::string ServersFolder() {
  const char* folder = std::getenv("CLEANMAIL_SERVERS");
  return folder != nullptr && *folder != '\0' ? folder : "/var/cache/cleanmail/servers";
}

}  // namespace cleanmail::testing
