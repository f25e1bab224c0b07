// The worker program with an engine beside the real ones that does what no engine should, where a
// message asks for it: for tests of how the scanner goes on.
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "services/scanner/worker/worker.h"

namespace cleanmail::scanner::worker {
namespace {

std::vector<Match> Said(std::string_view what, long result) {
  return {{.kind = Match::Kind::kSuspicious,
           .signature = base::Cat(what, ": ", result < 0 ? std::strerror(errno) : "done")}};
}

long Connect() {
  const int socket_fd = socket(AF_INET, SOCK_STREAM, 0);
  if (socket_fd < 0) return -1;
  const sockaddr_in address = {};
  return connect(socket_fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
}

long Execute() {
  char program[] = "/bin/true";
  char* const arguments[] = {program, nullptr};
  return execve(program, arguments, nullptr);
}

class Drill final : public FileEngine {
 public:
  std::string_view name() const override { return "drill"; }
  v1::EngineState State() const override {
    v1::EngineState state;
    state.set_engine("drill");
    return state;
  }
  absl::StatusOr<std::vector<Match>> Scan(std::string_view bytes) override {
    const auto asks = [bytes](std::string_view what) {
      return bytes.find(base::Cat("DRILL-", what)) != std::string_view::npos;
    };
    if (asks("CRASH")) raise(SIGSEGV);
    if (asks("ABORT")) std::abort();
    if (asks("FAIL")) return absl::InternalError("as told");
    if (asks("HANG")) {
      while (true) pause();
    }
    if (asks("BUSY")) {
      while (true) asm volatile("");
    }
    if (asks("SLOW")) usleep(20'000);
    if (asks("MEMORY")) {
      std::vector<char*> taken;
      while (true) {
        taken.push_back(new char[16 << 20]);
        std::memset(taken.back(), 1, 16 << 20);
      }
    }
    if (asks("CONNECT")) return Said("connect", Connect());
    if (asks("EXECUTE")) return Said("execute", Execute());
    if (asks("FORK")) return Said("fork", fork());
    if (asks("SIGNAL")) return Said("signal", kill(getppid(), SIGKILL));
    if (asks("READ")) return Said("read", open("/etc/passwd", O_RDONLY));
    if (asks("CODE"))
      return Said("code",
                  reinterpret_cast<long>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
                                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)));
    if (asks("USER")) return {{{Match::Kind::kSuspicious, base::Cat("user ", getuid())}}};
    return std::vector<Match>();
  }
};

}  // namespace
}  // namespace cleanmail::scanner::worker

int main() {
  using namespace cleanmail::scanner::worker;
  return RunWorker(Channel(Descriptor(kChannelDescriptor)),
                   [](const cleanmail::scanner::v1::WorkerSetup& setup)
                       -> absl::StatusOr<std::vector<std::unique_ptr<FileEngine>>> {
                     auto engines = LoadEngines(setup);
                     if (engines.ok()) engines->push_back(std::make_unique<Drill>());
                     return engines;
                   });
}
