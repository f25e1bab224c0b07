#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace cleanmail::spool {

// A disk for tests that can lose power and break. It works on real files and remembers, for each
// write, what stood there before, until the file is synced; for each created, renamed or deleted
// file, until its folder is synced. Steps (writes, syncs, creations, renames, deletions) are
// counted. Give env() to SpoolOptions. Thread-safe.
class UnsyncedFileSystem {
 public:
  enum class Loss {
    kAll,        // nothing unsynced survives
    kRandom,     // of what was overwritten any part survives, of what was appended and of changed
                 // names a beginning
    kOlderLogs,  // all survives but what is unsynced in write-ahead logs before the newest
  };
  enum class Fault { kNone, kNoSpace, kReadOnly, kDevice };

  // `trash`: an empty folder on the same file system, for what might have to come back.
  explicit UnsyncedFileSystem(std::string trash);
  ~UnsyncedFileSystem();

  void* env();

  int64_t steps() const;
  // The power goes at the step of this number (counted from 1) instead of it, and everything fails
  // from then on; 0: never.
  void LosePowerAt(int64_t step);
  bool lost_power() const;
  // Brings the files to what a machine would find after the loss, and the power back. The spool
  // must be closed.
  void RestorePower(Loss loss, uint64_t seed = 1);

  // From now on writes do half their work and fail like this, and so does every other step.
  void SetFault(Fault fault);
  // The same for syncs only.
  void SetSyncFault(bool fails);

 private:
  class Wrapper;
  struct State;
  std::shared_ptr<State> state_;  // shared with the file system RocksDB holds
  std::shared_ptr<void> env_;
};

}  // namespace cleanmail::spool
