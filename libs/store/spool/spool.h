#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/store/spool/batch.h"

namespace cleanmail::spool {

// How much a commit survives before its `done` is called.
enum class Durability {
  kApplied,  // loss of the process
  kFlushed,  // loss of power: it and everything committed before it
};

struct SpoolOptions {
  // A rocksdb::Env to work on, for tests that break it; nullptr: the machine's. Must outlive the
  // spool.
  void* rocksdb_env = nullptr;
  // Memory for bodies not yet in a file of their own; also bounds the log that is read again at
  // start.
  size_t body_memory_bytes = 64 << 20;
  // After a failed write the spool tries this often whether it can go on.
  absl::Duration recovery_interval = absl::Milliseconds(250);
};

// One RocksDB in one folder: the events and bodies of a standalone gateway. Commits that wait are
// merged into one write, with one flush when any of them asks for it. Keys are ordered by their
// bytes. Thread-safe.
//
// When a write fails (disk full, read-only, device gone) everything in that write is told so and
// none of it is ever seen; further commits fail at once until the folder can be written again,
// which the spool finds out by itself. What was committed before stays readable meanwhile.
class Spool {
 public:
  using Done = absl::AnyInvocable<void(absl::Status) &&>;

  // Opens or makes the spool in `folder`, replaying its log. Unavailable: the folder cannot be used
  // or another process has it. DataLoss: what is there is damaged.
  static absl::StatusOr<std::unique_ptr<Spool>> Open(const std::string& folder,
                                                     SpoolOptions options = {});
  // Finishes what was committed, then closes.
  ~Spool();

  // Applies `batch` whole or not at all. `done` is called exactly once, on the committer's thread,
  // in the order of the calls: it must be quick, must not wait, and may call Commit.
  // ResourceExhausted: no space. Unavailable: any other failure.
  void Commit(Batch batch, Durability durability, Done done);
  // The same, waiting for the end. Not to be called from `done`.
  absl::Status CommitAndWait(Batch batch, Durability durability);

  // NotFound: no such key. DataLoss: damaged. Unavailable: the folder cannot be read now.
  absl::StatusOr<std::string> Get(Table table, std::string_view key);
  // Calls `visit` for each key in [begin, end) in order until it returns false; end "" is the
  // table's end. The views live for the call.
  absl::Status Scan(Table table, std::string_view begin, std::string_view end,
                    absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit);
  // Like Scan, but `visit` returns the key to go on from (at or behind the current key's
  // successor), or nullopt to stop.
  absl::Status SkipScan(
      Table table, std::string_view begin, std::string_view end,
      absl::FunctionRef<std::optional<std::string>(std::string_view key, std::string_view value)>
          visit);
  // The last key and value in [begin, end). NotFound: there is none.
  absl::StatusOr<std::pair<std::string, std::string>> Last(Table table, std::string_view begin,
                                                           std::string_view end);
  // Gives the space of what was deleted in [begin, end) back to the disk now; without it that
  // happens within a day. It writes the keys around anew, so not every minute.
  absl::Status Reclaim(Table table, std::string_view begin, std::string_view end);

  // Bytes free for us on the folder's file system.
  absl::StatusOr<int64_t> FreeBytes() const;
  // OK, or why commits fail now.
  absl::Status Health() const;
  // Writes merged and flushes done since the start.
  int64_t writes() const;
  int64_t flushes() const;

 private:
  struct Impl;
  explicit Spool(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cleanmail::spool
