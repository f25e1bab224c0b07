#include "services/scanner/worker/worker.h"

#include <cerrno>
#include <clocale>
#include <csignal>
#include <cstring>
#include <filesystem>

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/scanner/worker/clamav_engine.h"
#include "services/scanner/worker/inspection.h"
#include "services/scanner/worker/sandbox.h"
#include "services/scanner/worker/yara_engine.h"

namespace cleanmail::scanner::worker {
namespace {

constexpr int64_t kLargestTemporaryFile = int64_t{1} << 30;
constexpr absl::Duration kSetupTime = absl::Seconds(10);

// A memory file the scanner has sealed, mapped.
class Mapping {
 public:
  explicit Mapping(const Descriptor& file) {
    struct stat facts = {};
    if (fstat(file.get(), &facts) != 0 || facts.st_size <= 0) return;
    void* const at =
        mmap(nullptr, static_cast<size_t>(facts.st_size), PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (at != MAP_FAILED)
      bytes_ = {static_cast<const char*>(at), static_cast<size_t>(facts.st_size)};
  }
  ~Mapping() {
    if (!bytes_.empty()) munmap(const_cast<char*>(bytes_.data()), bytes_.size());
  }
  Mapping(const Mapping&) = delete;
  Mapping& operator=(const Mapping&) = delete;
  std::string_view bytes() const { return bytes_; }

 private:
  std::string_view bytes_;
};

v1::ScanAnswer Wrong(std::string_view why) {
  v1::ScanAnswer answer;
  answer.set_error(std::string(why));
  return answer;
}

// A scanning process: tasks in, answers out, until the scanner is gone.
class Scanner {
 public:
  Scanner(const v1::WorkerSetup& setup, std::span<const std::unique_ptr<FileEngine>> engines)
      : setup_(setup), engines_(engines) {}

  int Run(Channel channel) {
    while (true) {
      const absl::StatusOr<Packet> packet = channel.Receive(absl::InfiniteFuture());
      if (!packet.ok()) return 0;
      alarm(static_cast<unsigned>(setup_.longest_seconds()));  // a scan ends, scanner or not
      v1::ScanAnswer answer = Answer(*packet);
      alarm(0);
      answer.set_done(true);
      if (!channel.Send(answer.SerializeAsString()).ok()) return 0;
    }
  }

 private:
  v1::ScanAnswer Answer(const Packet& packet) {
    const Mapping file(packet.descriptor);
    v1::ScanRequest request;
    v1::ScanTask task;
    const std::string_view bytes = file.bytes();
    if (!request.ParseFromString(packet.bytes) || request.task_bytes() < 0 ||
        static_cast<size_t>(request.task_bytes()) > bytes.size() ||
        !task.ParseFromArray(bytes.data(), static_cast<int>(request.task_bytes())))
      return Wrong("a task that cannot be read");
    return Inspect(task, bytes.substr(static_cast<size_t>(request.task_bytes())), setup_.limits(),
                   engines_);
  }

  const v1::WorkerSetup& setup_;
  const std::span<const std::unique_ptr<FileEngine>> engines_;
};

// Where a process puts temporary files; its loader clears it away.
std::string ScratchOf(const v1::WorkerSetup& setup, pid_t process) {
  return base::Cat(setup.scratch(), "/", process);
}

// What a process that was just forked does before it sees a message.
absl::Status Confine(const v1::WorkerSetup& setup,
                     std::span<const std::unique_ptr<FileEngine>> engines) {
  const std::string scratch = ScratchOf(setup, getpid());
  if (mkdir(scratch.c_str(), 0700) != 0)
    return absl::InternalError(base::Cat(scratch, ": ", std::strerror(errno)));
  for (const auto& engine : engines) engine->UseScratch(scratch);
  CLEANMAIL_RETURN_IF_ERROR(LimitResources(setup.memory_bytes(), kLargestTemporaryFile));
  ConfineFilesTo(scratch);  // where the kernel has it; the loader has said whether
  return RefuseSystemCallsOfScanner();
}

// The loaded process: forks scanners.
class Loader {
 public:
  Loader(Channel scanner, const v1::WorkerSetup& setup,
         std::vector<std::unique_ptr<FileEngine>> engines)
      : channel_(std::move(scanner)), setup_(setup), engines_(std::move(engines)) {}

  int Run() {
    while (true) {
      absl::StatusOr<Packet> packet = channel_.Receive(absl::InfiniteFuture());
      v1::WorkerRequest request;
      if (!packet.ok() || !request.ParseFromString(packet->bytes)) return 0;
      v1::WorkerReply reply;
      Descriptor handle;
      if (request.has_fork()) {
        handle = Fork(std::move(packet->descriptor), reply);
      } else {
        reply.set_process(request.ended());
        reply.set_wait_status(Ended(request.ended()));
      }
      if (!channel_.Send(reply.SerializeAsString(), handle.get()).ok()) return 0;
    }
  }

 private:
  // Comes back in the loader only, with a handle of the new process.
  Descriptor Fork(Descriptor socket, v1::WorkerReply& reply) {
    const pid_t process = fork();
    if (process == 0) {
      channel_ = Channel();
      Channel own(std::move(socket));
      const absl::Status confined = Confine(setup_, engines_);
      reply.set_process(getpid());
      reply.set_error(std::string(confined.message()));
      const absl::Status told = own.Send(reply.SerializeAsString());
      if (!confined.ok() || !told.ok()) _exit(3);
      _exit(Scanner(setup_, engines_).Run(std::move(own)));
    }
    if (process < 0) {
      reply.set_error(base::Cat("fork: ", std::strerror(errno)));
      return {};
    }
    reply.set_process(process);
    return Descriptor(static_cast<int>(syscall(SYS_pidfd_open, process, 0)));
  }

  // Waits for a process that is at its end.
  int Ended(pid_t process) const {
    int status = 0;
    const absl::Time deadline = absl::Now() + absl::Seconds(1);
    while (waitpid(process, &status, WNOHANG) != process) {
      if (absl::Now() > deadline) return -1;
      absl::SleepFor(absl::Milliseconds(1));
    }
    std::error_code ignored;
    std::filesystem::remove_all(ScratchOf(setup_, process), ignored);
    return status;
  }

  Channel channel_;
  const v1::WorkerSetup& setup_;
  const std::vector<std::unique_ptr<FileEngine>> engines_;
};

// Whether this kernel confines files, tried in a process that ends at once.
bool CanConfineFiles(const std::string& scratch) {
  const pid_t process = fork();
  if (process == 0) _exit(ConfineFilesTo(scratch) ? 0 : 1);
  int status = 1;
  return process > 0 && waitpid(process, &status, 0) == process && status == 0;
}

absl::StatusOr<std::vector<std::unique_ptr<FileEngine>>> Prepare(const v1::WorkerSetup& setup,
                                                                 const EngineLoader& load,
                                                                 v1::WorkerReady& ready) {
  umask(077);
  std::setlocale(LC_CTYPE, "C.UTF-8");  // libarchive turns names of archives into it
  for (const std::string& layer : EnterNamespaces()) ready.add_confined_by(layer);
  CLEANMAIL_ASSIGN_OR_RETURN(const bool became, DropPrivileges(setup.user(), setup.scratch()));
  if (became) ready.add_confined_by(base::Cat("user ", setup.user()));
  CLEANMAIL_ASSIGN_OR_RETURN(auto engines, load(setup));
  if (CanConfineFiles(setup.scratch())) ready.add_confined_by("landlock");
  CLEANMAIL_RETURN_IF_ERROR(RefuseSystemCallsOfLoader());
  ready.add_confined_by("seccomp");
  for (const auto& engine : engines) *ready.add_engines() = engine->State();
  return engines;
}

}  // namespace

absl::StatusOr<std::vector<std::unique_ptr<FileEngine>>> LoadEngines(const v1::WorkerSetup& setup) {
  std::vector<std::unique_ptr<FileEngine>> engines;
  if (!setup.clamav_database().empty()) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        auto clamav, ClamAvEngine::Load(setup.clamav_database(), setup.scratch(), setup.limits()));
    engines.push_back(std::move(clamav));
  }
  if (setup.yara_rules_size() > 0) {
    CLEANMAIL_ASSIGN_OR_RETURN(
        auto yara, YaraEngine::Load({setup.yara_rules().begin(), setup.yara_rules().end()}));
    engines.push_back(std::move(yara));
  }
  return engines;
}

int RunWorker(Channel scanner, const EngineLoader& load) {
  const absl::StatusOr<Packet> first = scanner.Receive(absl::Now() + kSetupTime);
  v1::WorkerSetup setup;
  if (!first.ok() || !setup.ParseFromString(first->bytes)) return 2;
  v1::WorkerReady ready;
  auto engines = Prepare(setup, load, ready);
  if (!engines.ok()) ready.set_error(std::string(engines.status().message()));
  const absl::Status told = scanner.Send(ready.SerializeAsString());
  if (!engines.ok() || !told.ok()) return 2;
  const int code = Loader(std::move(scanner), setup, *std::move(engines)).Run();
  std::error_code ignored;  // who has started it may be gone without having cleared up
  std::filesystem::remove_all(setup.scratch(), ignored);
  return code;
}

}  // namespace cleanmail::scanner::worker
