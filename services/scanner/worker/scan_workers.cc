#include "services/scanner/worker/scan_workers.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::scanner::worker {
namespace {

// A message is not to blame for a process that somebody ends from outside, unless it happens again
// and again: what makes the kernel end processes for memory looks the same.
constexpr int kMostEndsFromOutside = 10;
constexpr absl::Duration kWaitForProcess = absl::Seconds(10);
constexpr absl::Duration kFirstPause = absl::Milliseconds(100);
constexpr absl::Duration kLongestPause = absl::Seconds(30);
constexpr absl::Duration kLook = absl::Milliseconds(200);

// The task and the parts in memory that nobody can change any more.
absl::StatusOr<Descriptor> Seal(const std::string& task,
                                const std::vector<std::string_view>& parts) {
  Descriptor file(memfd_create("scan", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.open()) return absl::UnavailableError("memfd_create");
  const auto write_all = [&file](std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t written = write(file.get(), bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(written));
    }
    return true;
  };
  bool good = write_all(task);
  for (const std::string_view part : parts) good = good && write_all(part);
  good = good && fcntl(file.get(), F_ADD_SEALS,
                       F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) == 0;
  if (!good) return absl::UnavailableError(base::Cat("memory file: ", std::strerror(errno)));
  return file;
}

}  // namespace

// A scanning process and the program it comes from.
struct ScanWorkers::Scanner {
  std::shared_ptr<WorkerProgram> program;  // shared: see program_
  ForkedProcess process;
  int messages = 0;
};

ScanWorkers::ScanWorkers(WorkersOptions options, WorkerEvents events)
    : options_(std::move(options)),
      events_(std::move(events)),
      health_(absl::UnavailableError("the scan worker is being started")),
      supervisor_([this] { Supervise(); }) {}

ScanWorkers::~ScanWorkers() {
  {
    const absl::MutexLock lock(&mutex_);
    stop_ = true;
  }
  supervisor_.join();
}

absl::StatusOr<v1::ScanAnswer> ScanWorkers::Scan(const v1::ScanTask& task,
                                                 const std::vector<std::string_view>& parts) {
  const std::string words = task.SerializeAsString();
  CLEANMAIL_ASSIGN_OR_RETURN(const Descriptor file, Seal(words, parts));
  std::string how;
  for (int i = 0; i < kMostEndsFromOutside; ++i) {
    CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<Scanner> scanner, Take());
    absl::StatusOr<v1::ScanAnswer> answer =
        Ask(*scanner, file.get(), static_cast<int64_t>(words.size()));
    if (answer.ok()) {
      GiveBack(std::move(scanner));
      if (!answer->error().empty())
        return absl::InternalError(base::Cat("the scan worker: ", answer->error()));
      return answer;
    }
    const bool late = absl::IsDeadlineExceeded(answer.status());
    const std::shared_ptr<WorkerProgram> program = scanner->program;
    const int process = scanner->process.id;
    Discard(std::move(scanner));
    if (late) {
      program->EndOf(process);  // nothing but to clear it away
      events_.process_lost("took too long");
      return absl::InternalError(base::Cat("looking into the message took longer than ",
                                           absl::FormatDuration(options_.scan_deadline)));
    }
    const WorkerProgram::ProcessEnd end = program->EndOf(process);
    how = end.how;
    events_.process_lost(how);
    if (!end.from_outside) break;
  }
  return absl::InternalError(base::Cat("the scan worker ended ", how, " on this message"));
}

absl::StatusOr<v1::ScanAnswer> ScanWorkers::Ask(Scanner& scanner, int file, int64_t task_bytes) {
  v1::ScanRequest request;
  request.set_task_bytes(task_bytes);
  Channel& channel = scanner.process.channel;
  CLEANMAIL_RETURN_IF_ERROR(channel.Send(request.SerializeAsString(), file));
  CLEANMAIL_ASSIGN_OR_RETURN(const Packet packet,
                             channel.Receive(absl::Now() + options_.scan_deadline));
  v1::ScanAnswer answer;
  if (!answer.ParseFromString(packet.bytes))
    return absl::UnavailableError("an answer nobody understands");
  ++scanner.messages;
  return answer;
}

absl::StatusOr<std::unique_ptr<ScanWorkers::Scanner>> ScanWorkers::Take() {
  std::shared_ptr<WorkerProgram> program;
  {
    const absl::MutexLock lock(&mutex_);
    const auto can_go_on = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
      return stop_ || (failed_ && program_ == nullptr) ||
             (program_ != nullptr && (!idle_.empty() || busy_ < options_.processes));
    };
    if (!mutex_.AwaitWithTimeout(absl::Condition(&can_go_on), kWaitForProcess))
      return health_.ok() ? absl::UnavailableError("every scan process is busy") : health_;
    if (stop_) return absl::UnavailableError("the scanner ends");
    if (program_ == nullptr) return health_;
    ++busy_;
    if (!idle_.empty()) {
      std::unique_ptr<Scanner> scanner = std::move(idle_.back());
      idle_.pop_back();
      return scanner;
    }
    program = program_;
  }
  absl::StatusOr<ForkedProcess> process = program->Fork();
  if (!process.ok()) {
    Leave();
    return process.status();
  }
  const absl::MutexLock lock(&mutex_);
  running_.push_back(process->id);
  return std::unique_ptr<Scanner>(new Scanner{std::move(program), *std::move(process)});
}

void ScanWorkers::Leave() {
  const absl::MutexLock lock(&mutex_);
  --busy_;
}

void ScanWorkers::GiveBack(std::unique_ptr<Scanner> scanner) {
  std::shared_ptr<WorkerProgram> program = scanner->program;
  {
    const absl::MutexLock lock(&mutex_);
    if (program == program_ && scanner->messages < options_.messages_per_process) {
      --busy_;
      idle_.push_back(std::move(scanner));
      return;
    }
  }
  const int process = scanner->process.id;
  Discard(std::move(scanner));
  program->EndOf(process);
}

void ScanWorkers::End(const Scanner& scanner) {
  syscall(SYS_pidfd_send_signal, scanner.process.handle.get(), SIGKILL, nullptr, 0);
}

void ScanWorkers::Discard(std::unique_ptr<Scanner> scanner) {
  End(*scanner);
  const absl::MutexLock lock(&mutex_);
  std::erase(running_, scanner->process.id);
  --busy_;
}

void ScanWorkers::Reload() {
  const absl::MutexLock lock(&mutex_);
  reload_ = true;
}

absl::Status ScanWorkers::Health() const {
  const absl::MutexLock lock(&mutex_);
  return health_;
}

v1::WorkerReady ScanWorkers::state() const {
  const absl::MutexLock lock(&mutex_);
  return program_ == nullptr ? v1::WorkerReady() : program_->state();
}

std::vector<int> ScanWorkers::process_ids() const {
  const absl::MutexLock lock(&mutex_);
  std::vector<int> ids;
  if (program_ != nullptr) ids.push_back(program_->id());
  ids.insert(ids.end(), running_.begin(), running_.end());
  return ids;
}

// Starts a program and puts it in the place of the one there is.
bool ScanWorkers::StartOne() {
  auto started = WorkerProgram::Start(options_.program, options_.scratch_parent, options_.setup,
                                      options_.load_deadline);
  if (!started.ok()) {
    events_.could_not_start(started.status());
    const absl::MutexLock lock(&mutex_);
    failed_ = true;
    if (program_ == nullptr) health_ = absl::UnavailableError(started.status().message());
    return false;
  }
  const std::shared_ptr<WorkerProgram> program = *std::move(started);
  events_.ready(program->state());
  std::vector<std::unique_ptr<Scanner>> old;
  {
    const absl::MutexLock lock(&mutex_);
    health_ = absl::OkStatus();
    failed_ = false;
    program_ = program;
    old = std::exchange(idle_, {});
    for (const auto& scanner : old) std::erase(running_, scanner->process.id);
  }
  for (const auto& scanner : old) {
    End(*scanner);
    scanner->program->EndOf(scanner->process.id);  // that nothing is left of it
  }
  return true;
}

void ScanWorkers::Supervise() {
  absl::Duration pause = kFirstPause;
  while (true) {
    std::shared_ptr<WorkerProgram> gone;
    std::vector<std::unique_ptr<Scanner>> orphans;
    bool start = false;
    {
      const absl::MutexLock lock(&mutex_);
      const auto has_work = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
        return stop_ || reload_ || program_ == nullptr;
      };
      mutex_.AwaitWithTimeout(absl::Condition(&has_work), kLook);
      if (stop_) {
        gone = std::exchange(program_, nullptr);
        orphans = std::exchange(idle_, {});
        break;
      }
      if (program_ != nullptr && !program_->alive()) {
        gone = std::exchange(program_, nullptr);
        orphans = std::exchange(idle_, {});
        running_.clear();
        health_ = absl::UnavailableError("the scan worker has ended and is started again");
      }
      start = program_ == nullptr || std::exchange(reload_, false);
    }
    if (gone != nullptr) events_.process_lost("the worker program");
    orphans.clear();
    gone = nullptr;
    if (!start) continue;
    if (StartOne()) {
      pause = kFirstPause;
      continue;
    }
    const absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithTimeout(absl::Condition(&stop_), pause);
    pause = std::min(2 * pause, kLongestPause);
  }
}

}  // namespace cleanmail::scanner::worker
