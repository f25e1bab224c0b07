#include "services/scanner/worker/sandbox.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <initializer_list>

#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pwd.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/scanner/worker/channel.h"

namespace cleanmail::scanner::worker {
namespace {

absl::Status Failed(std::string_view what) {
  return absl::InternalError(base::Cat(what, ": ", std::strerror(errno)));
}

// What reading, thinking and writing to the scratch folder takes.
constexpr std::array kBoth = {"read",
                              "readv",
                              "pread64",
                              "write",
                              "writev",
                              "pwrite64",
                              "close",
                              "close_range",
                              "openat",
                              "open",
                              "creat",
                              "stat",
                              "fstat",
                              "lstat",
                              "newfstatat",
                              "statx",
                              "statfs",
                              "fstatfs",
                              "access",
                              "faccessat",
                              "faccessat2",
                              "readlink",
                              "readlinkat",
                              "lseek",
                              "munmap",
                              "mremap",
                              "madvise",
                              "brk",
                              "unlink",
                              "unlinkat",
                              "rmdir",
                              "mkdir",
                              "mkdirat",
                              "rename",
                              "renameat",
                              "renameat2",
                              "truncate",
                              "ftruncate",
                              "fallocate",
                              "fadvise64",
                              "fsync",
                              "getdents64",
                              "getdents",
                              "dup",
                              "dup2",
                              "dup3",
                              "getcwd",
                              "getpid",
                              "gettid",
                              "getppid",
                              "getuid",
                              "geteuid",
                              "getgid",
                              "getegid",
                              "getrlimit",
                              "clock_gettime",
                              "clock_getres",
                              "gettimeofday",
                              "time",
                              "nanosleep",
                              "alarm",
                              "setitimer",
                              "clock_nanosleep",
                              "futex",
                              "rt_sigaction",
                              "rt_sigprocmask",
                              "rt_sigreturn",
                              "sigaltstack",
                              "restart_syscall",
                              "exit",
                              "exit_group",
                              "getrandom",
                              "uname",
                              "sysinfo",
                              "sched_yield",
                              "poll",
                              "ppoll",
                              "recvmsg",
                              "sendmsg",
                              "umask",
                              "getrusage",
                              "times",
                              "set_robust_list",
                              "rseq",
                              "membarrier",
                              "sched_getaffinity",
                              "fchmod",
                              "chmod",
                              "utimensat",
                              "set_tid_address"};

// What the loader has to do beside: fork, wait, see to its children's confinement.
constexpr std::array kLoaderOnly = {"clone",
                                    "clone3",
                                    "fork",
                                    "wait4",
                                    "waitid",
                                    "prctl",
                                    "seccomp",
                                    "setrlimit",
                                    "prlimit64",
                                    "mmap",
                                    "mprotect",
                                    "pidfd_open",
                                    "kill",
                                    "tgkill",
                                    "fcntl",
                                    "landlock_create_ruleset",
                                    "landlock_add_rule",
                                    "landlock_restrict_self"};

// Owns a filter until it is loaded or not.
class Filter {
 public:
  Filter() : context_(seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  ~Filter() {
    if (context_ != nullptr) seccomp_release(context_);
  }
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;

  absl::Status Allow(std::string_view name) { return Add(name, {}); }
  absl::Status Add(std::string_view name, std::initializer_list<scmp_arg_cmp> conditions) {
    if (context_ == nullptr) return absl::InternalError("seccomp_init failed");
    const int number = seccomp_syscall_resolve_name(std::string(name).c_str());
    if (number == __NR_SCMP_ERROR) return absl::OkStatus();  // not on this machine
    const int result =
        seccomp_rule_add_array(context_, SCMP_ACT_ALLOW, number,
                               static_cast<unsigned>(conditions.size()), conditions.begin());
    if (result == 0) return absl::OkStatus();
    return absl::InternalError(base::Cat("seccomp rule of ", name, ": ", std::strerror(-result)));
  }
  absl::Status Load() {
    const int result = seccomp_load(context_);
    if (result == 0) return absl::OkStatus();
    return absl::InternalError(base::Cat("seccomp_load: ", std::strerror(-result)));
  }

 private:
  scmp_filter_ctx context_;
};

// Becomes the user; false where there is no such user to become, in a user namespace of one.
absl::StatusOr<bool> Become(const std::string& user, const std::string& scratch) {
  if (geteuid() != 0) return false;
  const passwd* const entry = getpwnam(user.c_str());
  if (entry == nullptr) return absl::NotFoundError(base::Cat("no user ", user));
  if (chown(scratch.c_str(), entry->pw_uid, entry->pw_gid) != 0) {
    if (errno == EINVAL) return false;
    return Failed(base::Cat(scratch, " for ", user));
  }
  if (setgroups(0, nullptr) != 0 || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) != 0 ||
      setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid) != 0)
    return Failed(base::Cat("becoming ", user));
  return true;
}

}  // namespace

absl::StatusOr<bool> DropPrivileges(const std::string& user, const std::string& scratch) {
  CLEANMAIL_ASSIGN_OR_RETURN(const bool became, Become(user, scratch));
  // A user namespace of its own has given it rights within that.
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  const __user_cap_data_struct none[2] = {};
  if (syscall(SYS_capset, &header, none) != 0) return Failed("giving up capabilities");
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Failed("no_new_privs");
  return became;
}

std::vector<std::string> EnterNamespaces() {
  // A user namespace is what lets an unprivileged process have the others; root needs none.
  const int user = geteuid() == 0 ? 0 : CLONE_NEWUSER;
  if (unshare(user | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS) != 0) return {};
  return {"namespaces"};
}

bool ConfineFilesTo(const std::string& scratch) {
  const uint64_t everything = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;  // all of its first version
  const landlock_ruleset_attr rules = {.handled_access_fs = everything};
  const Descriptor set(
      static_cast<int>(syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules), 0)));
  if (!set.open()) return false;
  const Descriptor folder(open(scratch.c_str(), O_PATH | O_CLOEXEC | O_DIRECTORY));
  const landlock_path_beneath_attr below = {
      .allowed_access = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                        LANDLOCK_ACCESS_FS_READ_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                        LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR |
                        LANDLOCK_ACCESS_FS_MAKE_REG,
      .parent_fd = folder.get()};
  return folder.open() &&
         syscall(SYS_landlock_add_rule, set.get(), LANDLOCK_RULE_PATH_BENEATH, &below, 0) == 0 &&
         syscall(SYS_landlock_restrict_self, set.get(), 0) == 0;
}

absl::Status RefuseSystemCallsOfLoader() {
  Filter filter;
  for (const char* name : kBoth) CLEANMAIL_RETURN_IF_ERROR(filter.Allow(name));
  for (const char* name : kLoaderOnly) CLEANMAIL_RETURN_IF_ERROR(filter.Allow(name));
  return filter.Load();
}

absl::Status RefuseSystemCallsOfScanner() {
  Filter filter;
  for (const char* name : kBoth) CLEANMAIL_RETURN_IF_ERROR(filter.Allow(name));
  const auto not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
  CLEANMAIL_RETURN_IF_ERROR(filter.Add("mmap", {not_executable}));
  CLEANMAIL_RETURN_IF_ERROR(filter.Add("mprotect", {not_executable}));
  // abort() signals the process itself.
  const auto itself = SCMP_A0(SCMP_CMP_EQ, static_cast<scmp_datum_t>(getpid()));
  CLEANMAIL_RETURN_IF_ERROR(filter.Add("tgkill", {itself}));
  for (const int command : {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_GETLK, F_SETLK,
                            F_SETLKW, F_GET_SEALS})
    CLEANMAIL_RETURN_IF_ERROR(
        filter.Add("fcntl", {SCMP_A1(SCMP_CMP_EQ, static_cast<scmp_datum_t>(command))}));
  // Its own limits may be read, not set.
  CLEANMAIL_RETURN_IF_ERROR(filter.Add("prlimit64", {SCMP_A2(SCMP_CMP_EQ, 0)}));
  return filter.Load();
}

absl::Status LimitResources(int64_t memory_bytes, int64_t file_bytes) {
  int64_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const auto limit = [](auto which, int64_t value) {
    const rlimit both = {.rlim_cur = static_cast<rlim_t>(value),
                         .rlim_max = static_cast<rlim_t>(value)};
    return setrlimit(which, &both) == 0;
  };
  if (!limit(RLIMIT_CORE, 0) || !limit(RLIMIT_NOFILE, 256) || !limit(RLIMIT_FSIZE, file_bytes))
    return Failed("setrlimit");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // What the sanitizers reserve is terabytes.
  if (memory_bytes > 0 && !limit(RLIMIT_AS, pages * getpagesize() + memory_bytes))
    return Failed("setrlimit");
#else
  (void)memory_bytes;
  (void)pages;
#endif
  return absl::OkStatus();
}

}  // namespace cleanmail::scanner::worker
