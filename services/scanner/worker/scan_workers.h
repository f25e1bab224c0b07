#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "proto/cleanmail/scanner/v1/worker.pb.h"
#include "services/scanner/worker/worker_program.h"

namespace cleanmail::scanner::worker {

// Told of what happens to the processes; called from any thread.
struct WorkerEvents {
  std::function<void(const v1::WorkerReady&)> ready = [](const v1::WorkerReady&) {};
  std::function<void(const absl::Status&)> could_not_start = [](const absl::Status&) {};
  // A scanning process ended in the middle of a message, or was ended for taking too long.
  std::function<void(std::string_view how)> process_lost = [](std::string_view) {};
};

struct WorkersOptions {
  std::string program;         // path of cleanmail-scan-worker
  std::string scratch_parent;  // where its folder for temporary files is made
  v1::WorkerSetup setup;       // without `scratch`
  int processes = 2;           // messages looked at at once
  absl::Duration scan_deadline = absl::Seconds(60);
  absl::Duration load_deadline = absl::Minutes(5);  // for reading all signatures
  // A process is replaced after so many messages, that nothing a message does to it lasts.
  int messages_per_process = 1000;
};

// The processes that look into messages, kept running: one program that has loaded the engines, and
// scanning processes forked from it, which share its memory and are replaced in a millisecond when
// a message brings one down. Thread-safe; scans block.
class ScanWorkers {
 public:
  // Starts the program in the background; until it is ready messages wait.
  ScanWorkers(WorkersOptions options, WorkerEvents events);
  // Ends all processes. No scan may be running.
  ~ScanWorkers();

  // `task` over `parts`, which follow each other: the message, then its contents. Unavailable: no
  // process could be had, through no fault of the message. Any other error: this message made an
  // engine fail, brought its process down, or took longer than the deadline.
  absl::StatusOr<v1::ScanAnswer> Scan(const v1::ScanTask& task,
                                      const std::vector<std::string_view>& parts);

  // A program with freshly loaded signatures takes over once it is ready.
  void Reload();

  // OK, or why mail waits.
  absl::Status Health() const;
  // Of the program in use.
  v1::WorkerReady state() const;

  // Ids of all processes, the loaded one first: for tests and drills.
  std::vector<int> process_ids() const;

 private:
  struct Scanner;

  absl::StatusOr<std::unique_ptr<Scanner>> Take();
  void GiveBack(std::unique_ptr<Scanner> scanner);
  void Discard(std::unique_ptr<Scanner> scanner);
  static void End(const Scanner& scanner);
  void Leave();
  absl::StatusOr<v1::ScanAnswer> Ask(Scanner& scanner, int file, int64_t task_bytes);
  void Supervise();
  bool StartOne();

  const WorkersOptions options_;
  const WorkerEvents events_;
  mutable absl::Mutex mutex_;
  // shared_ptr: scanners of an earlier program keep it alive until they are done.
  std::shared_ptr<WorkerProgram> program_ ABSL_GUARDED_BY(mutex_);
  absl::Status health_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Scanner>> idle_ ABSL_GUARDED_BY(mutex_);
  std::vector<int> running_ ABSL_GUARDED_BY(mutex_);
  int busy_ ABSL_GUARDED_BY(mutex_) = 0;
  bool failed_ ABSL_GUARDED_BY(mutex_) = false;  // the last start; waiting for the next is in vain
  bool reload_ ABSL_GUARDED_BY(mutex_) = false;
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread supervisor_;
};

}  // namespace cleanmail::scanner::worker
