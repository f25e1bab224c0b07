#pragma once

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cleanmail::scanner::worker {

// Becomes `user` when this process is root, with no group but that user's, and gives it the folder
// `scratch`; gives up every capability. No program that is started later can gain rights
// (no_new_privs). False: it stays who it is, being nobody special, or alone in a user namespace.
absl::StatusOr<bool> DropPrivileges(const std::string& user, const std::string& scratch);

// Takes away the network, other processes' memory segments and mounts, by namespaces of its own, as
// far as the kernel lets this process do it. Must run before DropPrivileges. What was done.
std::vector<std::string> EnterNamespaces();

// From here on this process and what it forks can open files below `scratch` and nowhere else
// (Landlock). False where the kernel does not offer it.
bool ConfineFilesTo(const std::string& scratch);

// For the process that has loaded the engines and forks: system calls it does not need are refused
// with EPERM, among them everything that makes a connection or starts a program.
absl::Status RefuseSystemCallsOfLoader();

// For a process that scans: also no fork, no new executable memory, no signals to others.
absl::Status RefuseSystemCallsOfScanner();

// Limits of a process that scans: `memory_bytes` beside what it has now, no core files, few
// descriptors, files of at most `file_bytes`.
absl::Status LimitResources(int64_t memory_bytes, int64_t file_bytes);

}  // namespace cleanmail::scanner::worker
