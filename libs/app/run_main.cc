#include "libs/app/run_main.h"

#include <cstdio>
#include <optional>
#include <string>
#include <thread>

#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "libs/app/settings.h"
#include "libs/app/version.h"
#include "libs/base/status_macros.h"

namespace cleanmail::app {
namespace {

constexpr char kHelp[] =
    "Runs the gateway.\n"
    "\n"
    "  --config FILE     the configuration (YAML); without it ./cleanmail.yaml\n"
    "  --check-config    checks the configuration and ends\n"
    "  --print-config    prints the configuration with its defaults, secrets masked, and ends\n"
    "  --migrate         brings the databases up to date and ends\n"
    "  --version         prints the version and ends\n"
    "  --help            prints this and ends\n"
    "\n"
    "SIGTERM and SIGINT finish what is in hand and end; SIGHUP reopens logs and rereads "
    "certificates.\n";

enum class Verb { kServe, kCheck, kPrint, kMigrate };

struct Flags {
  Verb verb = Verb::kServe;
  std::string config = "cleanmail.yaml";
};

// Bodies come and go by the hundred kilobytes: memory given back to the system after each would be
// taken, and cleared, again for the next one.
void KeepFreedMemory() {
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
  mallopt(M_TOP_PAD, 1 << 20);
}

int Fail(int code, std::string_view text) {
  std::fprintf(stderr, "cleanmail: %.*s\n", static_cast<int>(text.size()), text.data());
  return code;
}

// Reads the flags into `flags`; an exit code when that is all there was to do.
std::optional<int> ReadFlags(int argc, char** argv, Flags& flags) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view flag = argv[i];
    if (flag == "--help" || flag == "-h") {
      std::fputs(kHelp, stdout);
      return 0;
    } else if (flag == "--version") {
      std::printf("cleanmail %s\n", kVersion);
      return 0;
    } else if (flag == "--check-config") {
      flags.verb = Verb::kCheck;
    } else if (flag == "--print-config") {
      flags.verb = Verb::kPrint;
    } else if (flag == "--migrate") {
      flags.verb = Verb::kMigrate;
    } else if (flag == "--config") {
      if (++i == argc) return Fail(2, "--config needs a file");
      flags.config = argv[i];
    } else if (flag.starts_with("--config=")) {
      flags.config = flag.substr(9);
    } else {
      return Fail(2, base::Cat("unknown flag ", flag, "; see --help"));
    }
  }
  return std::nullopt;
}

absl::Status CheckAll(const config::Document& document, const std::vector<std::string>& rooms,
                      v1::AppConfig& settings) {
  CLEANMAIL_ASSIGN_OR_RETURN(settings, LoadSettings(document));
  return CheckSections(document, rooms);
}

sigset_t OurSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

bool EndsTheProcess(int signal) { return signal == SIGTERM || signal == SIGINT; }

// Starts the process. In a cluster what it needs may come later than it: it waits and says for
// what, until a signal ends it; then null.
absl::StatusOr<std::unique_ptr<Process>> StartWhenPossible(Process::Options options, bool waits,
                                                           const sigset_t& signals) {
  if (!waits) return Process::Start(std::move(options));
  absl::Notification gives_up;
  absl::Notification done;
  options.wait = [&](absl::Duration pause) {
    return !gives_up.WaitForNotificationWithTimeout(pause);
  };
  absl::StatusOr<std::unique_ptr<Process>> process;
  std::thread starter([&] {
    process = Process::Start(std::move(options));
    done.Notify();
  });
  constexpr timespec kLook = {.tv_sec = 0, .tv_nsec = 20'000'000};
  while (!done.HasBeenNotified()) {
    if (!EndsTheProcess(sigtimedwait(&signals, nullptr, &kLook))) continue;
    gives_up.Notify();
    // An engine may be keeping it. Nothing has been accepted yet that would be lost.
    if (!done.WaitForNotificationWithTimeout(absl::Seconds(1))) _exit(0);
    starter.join();
    if (process.ok()) (*process)->Stop();
    return nullptr;
  }
  starter.join();
  return process;
}

int Serve(Process::Options options, bool waits) {
  const sigset_t signals = OurSignals();
  pthread_sigmask(SIG_BLOCK, &signals,
                  nullptr);  // before any thread is made, so that all wait for us to take them
  absl::StatusOr<std::unique_ptr<Process>> process =
      StartWhenPossible(std::move(options), waits, signals);
  if (!process.ok()) return Fail(1, base::View(process.status().message()));
  if (*process == nullptr) return 0;
  int signal = 0;
  while (true) {
    sigwait(&signals, &signal);
    if (signal != SIGHUP) break;
    (*process)->Reload();
  }
  // A second signal does not wait for the drain: what has been acknowledged is safe either way.
  std::thread([signals] {
    int again = SIGHUP;
    while (again == SIGHUP) sigwait(&signals, &again);
    _exit(1);
  }).detach();
  (*process)->Stop();
  return 0;
}

}  // namespace

int RunMain(int argc, char** argv, std::vector<Factory> factories) {
  umask(027);
  KeepFreedMemory();
#ifdef NDEBUG
  // Debian's abseil is built with its search for deadlocks, which every lock and unlock pays for.
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
  Flags flags;
  if (const std::optional<int> code = ReadFlags(argc, argv, flags); code.has_value()) return *code;
  const absl::StatusOr<config::Document> document =
      config::Document::Load(flags.config, SectionsOf(factories));
  if (!document.ok()) return Fail(1, base::View(document.status().message()));
  std::vector<std::string> rooms;
  for (const Factory& factory : factories) rooms.push_back(factory.name);
  v1::AppConfig settings;
  if (const absl::Status checked = CheckAll(*document, rooms, settings); !checked.ok())
    return Fail(1, base::View(checked.message()));
  switch (flags.verb) {
    case Verb::kCheck:
      std::printf("%s is in order\n", flags.config.c_str());
      return 0;
    case Verb::kPrint:
      std::fputs(PrintSettings(settings, *document, rooms).c_str(), stdout);
      return 0;
    case Verb::kMigrate: {
      const auto process = Process::Start(
          {.document = *document, .factories = std::move(factories), .migrate_only = true});
      if (!process.ok()) return Fail(1, base::View(process.status().message()));
      return 0;
    }
    case Verb::kServe:
      return Serve({.document = *document, .factories = std::move(factories)},
                   settings.profile() == "cluster");
  }
  return 2;
}

}  // namespace cleanmail::app
