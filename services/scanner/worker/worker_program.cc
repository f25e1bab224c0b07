#include "services/scanner/worker/worker_program.h"

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::scanner::worker {
namespace {

constexpr int kChannelDescriptor = 3;  // where the program looks for its channel
constexpr absl::Duration kAnswerTime = absl::Seconds(5);

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerProgram>> WorkerProgram::Start(
    const std::string& program, const std::string& scratch_parent, v1::WorkerSetup setup,
    absl::Duration load_deadline) {
  std::unique_ptr<WorkerProgram> worker(new WorkerProgram());
  std::string scratch = scratch_parent + "/cleanmail-scan-XXXXXX";
  if (mkdtemp(scratch.data()) == nullptr)
    return absl::UnavailableError(base::Cat(scratch, ": ", std::strerror(errno)));
  worker->scratch_ = scratch;
  setup.set_scratch(scratch);
  CLEANMAIL_RETURN_IF_ERROR(worker->Spawn(program));
  const absl::MutexLock lock(&worker->mutex_);
  CLEANMAIL_RETURN_IF_ERROR(worker->channel_.Send(setup.SerializeAsString()));
  const absl::StatusOr<Packet> answer = worker->channel_.Receive(absl::Now() + load_deadline);
  if (!answer.ok()) {
    return absl::UnavailableError(
        base::Cat(program, " ended or hangs while it starts: ", answer.status().message()));
  }
  if (!worker->ready_.ParseFromString(answer->bytes))
    return absl::UnavailableError(base::Cat(program, " says what nobody understands"));
  if (!worker->ready_.error().empty())
    return absl::FailedPreconditionError(base::Cat("the scan worker: ", worker->ready_.error()));
  return worker;
}

absl::Status WorkerProgram::Spawn(const std::string& program) {
  CLEANMAIL_ASSIGN_OR_RETURN(auto ends, Channel::MakePair());
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, ends.second.descriptor(), kChannelDescriptor);
  posix_spawn_file_actions_addclosefrom_np(&actions, kChannelDescriptor + 1);
  char* arguments[] = {const_cast<char*>(program.c_str()), nullptr};
  char language[] = "LC_ALL=C.UTF-8";
  char* environment[] = {language, nullptr};
  const int error =
      posix_spawn(&process_, program.c_str(), &actions, nullptr, arguments, environment);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    process_ = 0;
    return absl::UnavailableError(base::Cat(program, ": ", std::strerror(error)));
  }
  handle_ = Descriptor(static_cast<int>(syscall(SYS_pidfd_open, process_, 0)));
  const absl::MutexLock lock(&mutex_);
  channel_ = std::move(ends.first);
  return absl::OkStatus();
}

WorkerProgram::~WorkerProgram() {
  Kill();
  if (process_ > 0) waitpid(process_, nullptr, 0);
  std::error_code ignored;
  if (!scratch_.empty()) std::filesystem::remove_all(scratch_, ignored);
}

void WorkerProgram::Kill() {
  if (process_ > 0) kill(process_, SIGKILL);  // not yet waited for: the id is still its own
}

bool WorkerProgram::alive() const {
  pollfd ended = {.fd = handle_.get(), .events = POLLIN, .revents = 0};
  return handle_.open() && poll(&ended, 1, 0) == 0;
}

absl::StatusOr<Packet> WorkerProgram::Ask(const v1::WorkerRequest& request, int descriptor) {
  const absl::MutexLock lock(&mutex_);
  absl::Status sent = channel_.Send(request.SerializeAsString(), descriptor);
  if (!sent.ok()) return sent;
  absl::StatusOr<Packet> answer = channel_.Receive(absl::Now() + kAnswerTime);
  // One that does not answer is of no use, and its late answer would be taken for the next one's.
  if (!answer.ok()) {
    Kill();
    return absl::UnavailableError(
        base::Cat("the scan worker is gone: ", answer.status().message()));
  }
  return answer;
}

absl::StatusOr<ForkedProcess> WorkerProgram::Fork() {
  CLEANMAIL_ASSIGN_OR_RETURN(auto ends, Channel::MakePair());
  v1::WorkerRequest request;
  request.set_fork(true);
  CLEANMAIL_ASSIGN_OR_RETURN(Packet answer, Ask(request, ends.second.descriptor()));
  v1::WorkerReply reply;
  if (!reply.ParseFromString(answer.bytes) || !reply.error().empty() || reply.process() <= 0)
    return absl::UnavailableError(base::Cat("the scan worker: ", reply.error()));
  ForkedProcess process{reply.process(), std::move(answer.descriptor), std::move(ends.first)};
  ends.second = Channel();
  // Its own first word: it is confined and takes tasks.
  const absl::StatusOr<Packet> first = process.channel.Receive(absl::Now() + kAnswerTime);
  if (!first.ok() || !reply.ParseFromString(first->bytes) || !reply.error().empty()) {
    syscall(SYS_pidfd_send_signal, process.handle.get(), SIGKILL, nullptr, 0);
    EndOf(process.id);
    return absl::UnavailableError(
        base::Cat("a scan process does not start: ",
                  first.ok() ? base::View(reply.error()) : base::View(first.status().message())));
  }
  return process;
}

WorkerProgram::ProcessEnd WorkerProgram::EndOf(int process) {
  v1::WorkerRequest request;
  request.set_ended(process);
  const absl::StatusOr<Packet> answer = Ask(request, -1);
  v1::WorkerReply reply;
  // Without its parent nobody can say; then it was not only this message that went wrong.
  if (!answer.ok() || !reply.ParseFromString(answer->bytes))
    return {.how = "together with its program", .from_outside = true};
  const int status = reply.wait_status();
  if (status == -1) return {.how = "and is still there"};
  if (WIFSIGNALED(status)) {
    const int signal = WTERMSIG(status);
    return {.how = base::Cat("by signal ", signal, " (", strsignal(signal), ")"),
            .from_outside = signal == SIGKILL || signal == SIGTERM};
  }
  return {.how = base::Cat("with code ", WEXITSTATUS(status))};
}

}  // namespace cleanmail::scanner::worker
