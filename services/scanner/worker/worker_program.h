#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/cleanmail/scanner/v1/worker.pb.h"
#include "services/scanner/worker/channel.h"

namespace cleanmail::scanner::worker {

// One process forked by a worker program.
struct ForkedProcess {
  int id = 0;
  Descriptor handle;  // pidfd(2): means this process and no later one of the same id
  Channel channel;
};

// One running worker program, the loaded process that forks the scanning ones. Thread-safe.
class WorkerProgram {
 public:
  // Starts `program` and waits until it has loaded its engines. FailedPrecondition: it says that it
  // cannot work so. Unavailable: it ended, or was not ready in time.
  static absl::StatusOr<std::unique_ptr<WorkerProgram>> Start(const std::string& program,
                                                              const std::string& scratch_parent,
                                                              v1::WorkerSetup setup,
                                                              absl::Duration load_deadline);
  // Ends it and what it has forked; removes its temporary files.
  ~WorkerProgram();
  WorkerProgram(const WorkerProgram&) = delete;
  WorkerProgram& operator=(const WorkerProgram&) = delete;

  // Unavailable: the program is gone or does not answer, and is ended.
  absl::StatusOr<ForkedProcess> Fork();
  // How a forked process ended, in words ("signal 11"), and whether somebody outside has ended it.
  struct ProcessEnd {
    std::string how;
    bool from_outside = false;
  };
  ProcessEnd EndOf(int process);

  bool alive() const;
  int id() const { return process_; }
  const v1::WorkerReady& state() const { return ready_; }

 private:
  WorkerProgram() = default;
  absl::Status Spawn(const std::string& program);
  absl::StatusOr<Packet> Ask(const v1::WorkerRequest& request, int descriptor);
  void Kill();

  absl::Mutex mutex_;
  Channel channel_ ABSL_GUARDED_BY(mutex_);
  Descriptor handle_;
  pid_t process_ = 0;
  std::string scratch_;
  v1::WorkerReady ready_;
};

}  // namespace cleanmail::scanner::worker
