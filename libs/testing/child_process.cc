#include "libs/testing/child_process.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"

extern char** environ;

namespace cleanmail::testing {
namespace {

struct User {
  uid_t uid;
  gid_t gid;
};

std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> lines;
  for (char** line = environ; *line != nullptr; ++line) {
    const std::string name = std::string(*line).substr(0, std::string(*line).find('='));
    if (!added.contains(name)) lines.emplace_back(*line);
  }
  for (const auto& [name, value] : added) lines.push_back(base::Cat(name, "=", value));
  return lines;
}

std::vector<char*> Pointers(std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec only what may be called there; the step that failed goes through `report`.
[[noreturn]] void BecomeChild(const ChildOptions& options, const std::optional<User>& user,
                              char* const* argv, char** env, pid_t parent, int report) {
  int step = 0;
  const auto fail = [&] {
    const int said[2] = {step, errno};
    (void)!write(report, said, sizeof(said));
    _exit(127);
  };
  if (setpgid(0, 0) != 0) fail();
  step = 1;
  if (user && (setgroups(0, nullptr) != 0 || setgid(user->gid) != 0 || setuid(user->uid) != 0))
    fail();
  // After the change of user, which forgets it.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);
  step = 2;
  if (!options.folder.empty() && chdir(options.folder.c_str()) != 0) fail();
  step = 3;
  const int in = open("/dev/null", O_RDONLY);
  if (in >= 0) dup2(in, 0);
  if (!options.output.empty()) {
    const int out = open(options.output.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
    if (out < 0) fail();
    dup2(out, 1);
    dup2(out, 2);
  }
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  step = 4;
  environ = env;
  execvp(argv[0], argv);
  fail();
  _exit(127);
}

absl::StatusOr<std::optional<User>> UserOf(const std::string& name) {
  if (name.empty() || geteuid() != 0) return std::nullopt;
  const passwd* entry = getpwnam(name.c_str());
  if (entry == nullptr) return absl::NotFoundError(base::Cat("no user ", name));
  return User{entry->pw_uid, entry->pw_gid};
}

}  // namespace

absl::StatusOr<ChildProcess> ChildProcess::Start(const ChildOptions& options) {
  if (options.argv.empty()) return absl::InvalidArgumentError("nothing to start");
  auto user = UserOf(options.user);
  if (!user.ok()) return user.status();
  std::vector<std::string> arguments = options.argv;
  std::vector<std::string> lines = Environment(options.env);
  const std::vector<char*> argv = Pointers(arguments);
  std::vector<char*> env = Pointers(lines);
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return absl::UnavailableError("no pipe");
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    close(report[0]);
    BecomeChild(options, *user, argv.data(), env.data(), parent, report[1]);
  }
  close(report[1]);
  int said[2] = {0, 0};
  const ssize_t got = pid < 0 ? 0 : read(report[0], said, sizeof(said));
  close(report[0]);
  if (pid < 0) return absl::UnavailableError(base::Cat("fork: ", std::strerror(errno)));
  if (got <= 0) return ChildProcess(pid);
  waitpid(pid, nullptr, 0);
  static constexpr const char* kSteps[] = {"process group", "change of user", "working folder",
                                           "output file", "program"};
  const std::string why =
      base::Cat(options.argv[0], ": ", kSteps[said[0]], ": ", std::strerror(said[1]));
  if (said[0] == 4 && said[1] == ENOENT) return absl::NotFoundError(why);
  return absl::UnavailableError(why);
}

ChildProcess::ChildProcess(ChildProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), ended_(std::exchange(other.ended_, std::nullopt)) {}

ChildProcess& ChildProcess::operator=(ChildProcess&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(ended_, other.ended_);
  return *this;
}

ChildProcess::~ChildProcess() {
  if (!running()) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

bool ChildProcess::running() {
  return pid_ != 0 &&
         Wait(absl::ZeroDuration()).status().code() == absl::StatusCode::kDeadlineExceeded;
}

void ChildProcess::Signal(int number) {
  if (running()) kill(pid_, number);
}

absl::StatusOr<int> ChildProcess::Wait(absl::Duration most) {
  const absl::Time deadline = absl::Now() + most;
  while (!ended_) {
    int status = 0;
    const pid_t ended = waitpid(pid_, &status, WNOHANG);
    if (ended == pid_) {
      ended_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
      break;
    }
    if (ended < 0 && errno != EINTR) return absl::InternalError("it is nobody's child");
    if (absl::Now() >= deadline) return absl::DeadlineExceededError("it still runs");
    absl::SleepFor(absl::Milliseconds(2));
  }
  return *ended_;
}

void Stop(ChildProcess& process, absl::Duration most) {
  process.Signal(SIGTERM);
  if (process.Wait(most).ok()) return;
  process.Signal(SIGKILL);
  (void)process.Wait(absl::Seconds(5));
}

std::string OutputOf(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

}  // namespace cleanmail::testing
