#include "libs/store/spool/unsynced_file_system.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <random>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <rocksdb/env.h>
#include <rocksdb/file_system.h>
#include <sys/stat.h>
#include <unistd.h>

#include "libs/base/status_macros.h"

namespace cleanmail::spool {
namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

struct Change {
  off_t offset;
  off_t size_before;
  std::string before;  // what the write covered of the old file
  std::string after;
};

struct TrackedFile {
  explicit TrackedFile(int descriptor) : fd(descriptor) {}
  TrackedFile(const TrackedFile&) = delete;
  TrackedFile& operator=(const TrackedFile&) = delete;
  ~TrackedFile() { ::close(fd); }
  const int fd;
  std::vector<Change> unsynced;
};

struct FolderChange {
  std::string path;    // where something appeared, or "" …
  std::string from;    // … where it came from, or ""
  std::string backup;  // what it replaced or what was deleted from `from`, in the trash, or ""
};

}  // namespace

struct UnsyncedFileSystem::State {
  mutable std::mutex mutex;
  // All guarded by mutex.
  std::string trash;
  int64_t trash_number = 0;
  int64_t steps = 0;
  int64_t lose_at = 0;
  bool lost = false;
  Fault fault = Fault::kNone;
  bool sync_fails = false;
  std::map<std::string, std::shared_ptr<TrackedFile>> files;  // shared with RocksDB's open files
  std::vector<FolderChange> folder;

  // Counts a step; whether it may be done.
  IOStatus Step(bool is_sync = false) {
    if (lost) return IOStatus::IOError("the power is lost");
    ++steps;
    if (steps == lose_at) {
      lost = true;
      return IOStatus::IOError("the power is lost");
    }
    switch (fault) {
      case Fault::kNone:
        break;
      case Fault::kNoSpace:
        return IOStatus::NoSpace("No space left on device");
      case Fault::kReadOnly:
        return IOStatus::IOError("Read-only file system");
      case Fault::kDevice:
        return IOStatus::IOError("Input/output error");
    }
    if (is_sync && sync_fails) return IOStatus::IOError("Input/output error in fsync");
    return IOStatus::OK();
  }

  std::string Backup(const std::string& path) {
    if (!std::filesystem::exists(path)) return "";
    std::string backup = trash + "/" + std::to_string(trash_number++);
    std::filesystem::rename(path, backup);
    return backup;
  }
  std::shared_ptr<TrackedFile> Track(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    CLEANMAIL_CHECK(fd >= 0, path);
    return files[path] = std::make_shared<TrackedFile>(fd);
  }
  void Undo(Loss loss, std::mt19937_64& random);
};

namespace {

void Write(TrackedFile& file, off_t offset, std::string_view bytes, bool remember) {
  if (remember) {
    struct stat status {};
    ::fstat(file.fd, &status);
    Change change{.offset = offset,
                  .size_before = status.st_size,
                  .before = std::string(bytes.size(), '\0'),
                  .after = std::string(bytes)};
    const ssize_t covered = ::pread(file.fd, change.before.data(), change.before.size(), offset);
    change.before.resize(covered > 0 ? static_cast<size_t>(covered) : 0);
    file.unsynced.push_back(std::move(change));
  }
  CLEANMAIL_CHECK(
      ::pwrite(file.fd, bytes.data(), bytes.size(), offset) == static_cast<ssize_t>(bytes.size()),
      "a test's write");
}

bool IsLog(const std::string& path) { return path.ends_with(".log"); }

void UndoFile(TrackedFile& file, UnsyncedFileSystem::Loss loss, std::mt19937_64& random) {
  std::vector<Change> changes = std::exchange(file.unsynced, {});
  for (auto change = changes.rbegin(); change != changes.rend(); ++change) {
    if (!change->before.empty()) Write(file, change->offset, change->before, false);
    CLEANMAIL_CHECK(::ftruncate(file.fd, change->size_before) == 0, "a test's truncation");
  }
  if (loss == UnsyncedFileSystem::Loss::kAll || changes.empty()) return;
  struct stat status {};
  ::fstat(file.fd, &status);
  const off_t old_size = status.st_size;
  off_t new_size = old_size;
  for (const Change& change : changes)
    new_size = std::max(new_size, change.offset + static_cast<off_t>(change.after.size()));
  // A journaling file system lets a file grow only over written blocks: of what was appended a
  // beginning survives.
  const off_t grown_to =
      old_size + static_cast<off_t>(random() % static_cast<uint64_t>(new_size - old_size + 1));
  for (const Change& change : changes) {
    const std::string_view after = change.after;
    const auto over = static_cast<size_t>(
        std::clamp<off_t>(old_size - change.offset, 0, static_cast<off_t>(after.size())));
    // Blocks that are overwritten survive in any order and in part.
    const uint64_t luck = random() % 3;
    const size_t kept = luck == 0 ? 0 : luck == 1 ? over : random() % (over + 1);
    if (kept > 0) Write(file, change.offset, after.substr(0, kept), false);
    const auto end = static_cast<size_t>(
        std::clamp<off_t>(grown_to - change.offset, 0, static_cast<off_t>(after.size())));
    if (end > over)
      Write(file, change.offset + static_cast<off_t>(over), after.substr(over, end - over), false);
  }
}

}  // namespace

void UnsyncedFileSystem::State::Undo(Loss loss, std::mt19937_64& random) {
  if (loss == Loss::kOlderLogs) {
    std::string newest;  // names of logs grow and have one length
    for (auto& [path, file] : files) newest = IsLog(path) ? std::max(newest, path) : newest;
    for (auto& [path, file] : files) {
      if (IsLog(path) && path != newest) UndoFile(*file, Loss::kAll, random);
    }
    folder.clear();
    files.clear();
    return;
  }
  for (auto& [path, file] : files) UndoFile(*file, loss, random);
  // A journal of names keeps their order: what survives is a beginning.
  const size_t kept = loss == Loss::kAll || folder.empty() ? 0 : random() % (folder.size() + 1);
  while (folder.size() > kept) {
    const FolderChange change = std::move(folder.back());
    folder.pop_back();
    if (!change.path.empty() && change.from.empty()) std::filesystem::remove(change.path);
    if (!change.path.empty() && !change.from.empty())
      std::filesystem::rename(change.path, change.from);
    if (!change.backup.empty())
      std::filesystem::rename(change.backup, change.path.empty() ? change.from : change.path);
  }
  folder.clear();
  files.clear();
}

// The file system RocksDB sees.
class UnsyncedFileSystem::Wrapper final : public rocksdb::FileSystemWrapper {
 public:
  explicit Wrapper(std::shared_ptr<State> state)
      : FileSystemWrapper(rocksdb::FileSystem::Default()), state_(std::move(state)) {}
  const char* Name() const override { return "UnsyncedFileSystem"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                           IODebugContext*) override {
    std::lock_guard lock(state_->mutex);
    if (IOStatus status = state_->Step(); !status.ok()) return status;
    state_->folder.push_back({.path = path, .from = {}, .backup = state_->Backup(path)});
    *result = std::make_unique<File>(state_, state_->Track(path));
    return IOStatus::OK();
  }

  IOStatus ReuseWritableFile(const std::string& path, const std::string& old, const FileOptions&,
                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                             IODebugContext*) override {
    std::lock_guard lock(state_->mutex);
    if (IOStatus status = state_->Step(); !status.ok()) return status;
    state_->folder.push_back({.path = path, .from = old, .backup = state_->Backup(path)});
    std::filesystem::rename(old, path);
    auto node = state_->files.extract(old);
    const std::shared_ptr<TrackedFile> tracked = node.empty() ? state_->Track(path) : node.mapped();
    state_->files[path] = tracked;
    *result = std::make_unique<File>(state_, tracked);
    return IOStatus::OK();
  }

  IOStatus ReopenWritableFile(const std::string&, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>*, IODebugContext*) override {
    return IOStatus::NotSupported("the spool appends to no old file");
  }

  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override {
    std::lock_guard lock(state_->mutex);
    if (IOStatus status = state_->Step(); !status.ok()) return status;
    state_->folder.push_back({.path = to, .from = from, .backup = state_->Backup(to)});
    if (auto node = state_->files.extract(from); !node.empty()) state_->files[to] = node.mapped();
    return FileSystemWrapper::RenameFile(from, to, options, debug);
  }

  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    std::lock_guard lock(state_->mutex);
    if (!std::filesystem::exists(path)) return IOStatus::PathNotFound(path);
    if (IOStatus status = state_->Step(); !status.ok()) return status;
    state_->folder.push_back({.path = {}, .from = path, .backup = state_->Backup(path)});
    state_->files.erase(path);
    return IOStatus::OK();
  }

  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* result,
                        IODebugContext* debug) override {
    std::unique_ptr<rocksdb::FSDirectory> folder;
    IOStatus status = FileSystemWrapper::NewDirectory(path, options, &folder, debug);
    if (status.ok()) *result = std::make_unique<Folder>(std::move(folder), state_);
    return status;
  }

 private:
  class File final : public rocksdb::FSWritableFile {
   public:
    File(std::shared_ptr<State> state, std::shared_ptr<TrackedFile> tracked)
        : state_(std::move(state)), tracked_(std::move(tracked)) {}

    using rocksdb::FSWritableFile::Append;
    using rocksdb::FSWritableFile::PositionedAppend;
    IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(state_->mutex);
      const IOStatus status = state_->Step();
      if (status.ok()) {
        Write(*tracked_, offset_, {data.data(), data.size()}, true);
        offset_ += static_cast<off_t>(data.size());
      } else if (!state_->lost && state_->fault == Fault::kNoSpace && data.size() > 1) {
        Write(*tracked_, offset_, {data.data(), data.size() / 2}, true);
        offset_ += static_cast<off_t>(data.size() / 2);
      }
      return status;
    }
    IOStatus PositionedAppend(const Slice&, uint64_t, const IOOptions&, IODebugContext*) override {
      return IOStatus::NotSupported("direct I/O is not used");
    }
    IOStatus Truncate(uint64_t, const IOOptions&, IODebugContext*) override {
      return IOStatus::OK();
    }
    IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
    IOStatus Sync(const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(state_->mutex);
      const IOStatus status = state_->Step(true);
      if (status.ok()) tracked_->unsynced.clear();
      return status;
    }
    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
      return Sync(options, debug);
    }
    IOStatus RangeSync(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override {
      return IOStatus::OK();
    }
    IOStatus Allocate(uint64_t, uint64_t, const IOOptions&, IODebugContext*) override {
      return IOStatus::OK();
    }
    uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(state_->mutex);
      return static_cast<uint64_t>(offset_);
    }

   private:
    std::shared_ptr<State> state_;
    std::shared_ptr<TrackedFile> tracked_;
    off_t offset_ = 0;
  };

  class Folder final : public rocksdb::FSDirectoryWrapper {
   public:
    Folder(std::unique_ptr<rocksdb::FSDirectory> folder, std::shared_ptr<State> state)
        : FSDirectoryWrapper(std::move(folder)), state_(std::move(state)) {}
    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
      std::lock_guard lock(state_->mutex);
      const IOStatus status = state_->Step(true);
      if (status.ok()) state_->folder.clear();
      return status;
    }
    IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                                 const rocksdb::DirFsyncOptions&) override {
      return Fsync(options, debug);
    }

   private:
    std::shared_ptr<State> state_;
  };

  std::shared_ptr<State> state_;
};

UnsyncedFileSystem::UnsyncedFileSystem(std::string trash) : state_(std::make_shared<State>()) {
  std::filesystem::create_directories(trash);
  state_->trash = std::move(trash);
  env_ = std::shared_ptr<rocksdb::Env>(rocksdb::NewCompositeEnv(std::make_shared<Wrapper>(state_)));
}

UnsyncedFileSystem::~UnsyncedFileSystem() = default;

void* UnsyncedFileSystem::env() { return static_cast<rocksdb::Env*>(env_.get()); }

int64_t UnsyncedFileSystem::steps() const {
  std::lock_guard lock(state_->mutex);
  return state_->steps;
}

void UnsyncedFileSystem::LosePowerAt(int64_t step) {
  std::lock_guard lock(state_->mutex);
  state_->lose_at = step;
}

bool UnsyncedFileSystem::lost_power() const {
  std::lock_guard lock(state_->mutex);
  return state_->lost;
}

void UnsyncedFileSystem::RestorePower(Loss loss, uint64_t seed) {
  std::lock_guard lock(state_->mutex);
  std::mt19937_64 random(seed);
  state_->Undo(loss, random);
  state_->lost = false;
  state_->lose_at = 0;
}

void UnsyncedFileSystem::SetFault(Fault fault) {
  std::lock_guard lock(state_->mutex);
  state_->fault = fault;
}

void UnsyncedFileSystem::SetSyncFault(bool fails) {
  std::lock_guard lock(state_->mutex);
  state_->sync_fails = fails;
}

}  // namespace cleanmail::spool
