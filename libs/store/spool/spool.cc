#include "libs/store/spool/spool.h"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <filesystem>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <thread>
#include <utility>
#include <vector>

#include <rocksdb/cache.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/wal_filter.h>
#include <rocksdb/write_batch.h>

#include "libs/base/status_macros.h"
#include "libs/store/spool/direct_io.h"
#include "libs/store/spool/info_log.h"

namespace cleanmail::spool {
namespace {

constexpr std::array kTables = {Table::kEvents, Table::kPositions, Table::kBodies,
                                Table::kExtensions, Table::kState};
constexpr std::array<const char*, kTables.size()> kTableNames = {"events", "positions", "bodies",
                                                                 "extensions", "state"};
constexpr size_t kMergeBytes =
    8 << 20;  // a merge stops growing here: one flush should not take long

rocksdb::Slice SliceOf(std::string_view text) { return {text.data(), text.size()}; }
std::string_view ViewOf(const rocksdb::Slice& slice) { return {slice.data(), slice.size()}; }

// What readers are told in the short time between closing and opening after a failure.
absl::Status BeingOpened() {
  return absl::UnavailableError("spool: it is being opened again after a failure");
}

absl::Status ToStatus(const rocksdb::Status& status, std::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  const std::string why = base::Cat("spool: ", doing, ": ", status.ToString());
  if (status.IsNotFound()) return absl::NotFoundError(why);
  if (status.IsCorruption()) return absl::DataLossError(why);
  if (status.IsNoSpace() || why.find("No space left") != std::string::npos)
    return absl::ResourceExhaustedError(why);
  return absl::UnavailableError(why);
}

// Every write carries a serial number into the log. RocksDB keeps its log in several files and
// replays the next one even when the one before ends early, so without this a loss of power could
// keep a write and lose one before it that was not flushed either.
constexpr size_t kSerialBytes = sizeof(uint64_t);

std::string_view SerialBytes(const uint64_t& serial) {
  return {reinterpret_cast<const char*>(&serial), kSerialBytes};
}

// Stops the replay at the first gap between serials. A failed write may have left its serial to the
// next one.
class GapFilter final : public rocksdb::WalFilter {
 public:
  const char* Name() const override { return "GapFilter"; }
  void Begin() { last_ = 0; }
  WalProcessingOption LogRecordFound(unsigned long long, const std::string&,
                                     const rocksdb::WriteBatch& batch, rocksdb::WriteBatch*,
                                     bool*) override {
    SerialReader reader;
    (void)batch.Iterate(&reader);
    if (reader.serial == 0) return WalProcessingOption::kContinueProcessing;
    if (last_ != 0 && reader.serial > last_ + 1) return WalProcessingOption::kStopReplay;
    last_ = reader.serial;
    return WalProcessingOption::kContinueProcessing;
  }

 private:
  // The serial stands first in its write.
  struct SerialReader final : rocksdb::WriteBatch::Handler {
    void LogData(const rocksdb::Slice& blob) override {
      if (blob.size() == kSerialBytes) std::memcpy(&serial, blob.data(), kSerialBytes);
    }
    bool Continue() override { return std::exchange(first, false); }
    uint64_t serial = 0;
    bool first = true;
  };
  uint64_t last_ = 0;
};

rocksdb::DBOptions DatabaseOptions(const SpoolOptions& options) {
  rocksdb::DBOptions db;
  if (options.rocksdb_env != nullptr) db.env = static_cast<rocksdb::Env*>(options.rocksdb_env);
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.recycle_log_file_num =
      4;  // overwriting an old log in place keeps the flush from writing metadata
  db.max_total_wal_size = options.body_memory_bytes * 4;
  db.max_bgerror_resume_count = 0;  // only the committer decides when to go on
  db.max_open_files = 1000;
  db.bytes_per_sync = 1 << 20;
  db.stats_dump_period_sec = 0;
  db.stats_persist_period_sec = 0;
  db.skip_stats_update_on_db_open = true;
  return db;
}

rocksdb::ColumnFamilyOptions TableOptions(Table table, const SpoolOptions& options,
                                          const std::shared_ptr<rocksdb::Cache>& cache) {
  rocksdb::ColumnFamilyOptions family;
  family.compression = rocksdb::kNoCompression;
  family.write_buffer_size = table == Table::kEvents ? 32 << 20 : 8 << 20;
  family.max_write_buffer_number = 3;
  family.periodic_compaction_seconds = 24 * 3600;  // files full of deleted keys are not kept
  rocksdb::BlockBasedTableOptions blocks;
  blocks.block_cache = cache;
  if (table == Table::kState) blocks.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(blocks));
  if (table == Table::kBodies) {
    family.write_buffer_size = options.body_memory_bytes;
    family.enable_blob_files = true;  // bodies are written once and not moved again by compaction
    family.min_blob_size = 512;
    family.blob_file_size = 256 << 20;
    family.blob_compression_type = rocksdb::kNoCompression;
  }
  return family;
}

}  // namespace

struct Spool::Impl {
  struct Waiting {
    Batch batch;
    Durability durability;
    Done done;
  };

  std::string folder;
  SpoolOptions options;
  GapFilter gap_filter;
  std::shared_ptr<rocksdb::Cache> cache = rocksdb::NewLRUCache(32 << 20);  // shared with RocksDB

  // The database; null while it could not be opened again. Readers hold the lock shared, reopening
  // holds it alone.
  std::shared_mutex db_mutex;
  std::unique_ptr<rocksdb::DB> db;
  std::vector<rocksdb::ColumnFamilyHandle*> tables;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Waiting> queue;  // guarded by mutex
  bool stopping = false;      // guarded by mutex
  absl::Status health;        // guarded by mutex
  std::atomic<int64_t> writes{0}, flushes{0};

  // The committer's own.
  uint64_t serial = 1;  // of the next write
  std::vector<Batch>
      undone;  // of failed writes, until it is sure that the log does not bring them back
  std::optional<rocksdb::WriteBatch> restore;  // what their keys held before
  std::thread committer;

  ~Impl() { CloseDatabase(); }

  rocksdb::Env* env() const {
    return options.rocksdb_env != nullptr ? static_cast<rocksdb::Env*>(options.rocksdb_env)
                                          : rocksdb::Env::Default();
  }
  rocksdb::ColumnFamilyHandle* handle(Table table) const {
    return tables[static_cast<size_t>(table)];
  }

  absl::Status OpenDatabase();
  void CloseDatabase();
  void Run();
  std::vector<Waiting> TakeWaiting();
  absl::Status Write(std::vector<Waiting> merge);
  absl::Status WriteMerged(const std::vector<Waiting>& merge);
  void AddChanges(const Batch& batch, rocksdb::WriteBatch& merged) const;
  absl::Status Recover();
  absl::Status TryFolder();
  rocksdb::Status BeginNewLog();
  rocksdb::WriteBatch Before(const std::vector<Batch>& batches);
  void SetHealth(absl::Status status) {
    std::lock_guard lock(mutex);
    health = std::move(status);
  }
};

absl::Status Spool::Impl::OpenDatabase() {
  std::vector<rocksdb::ColumnFamilyDescriptor> families = {
      {rocksdb::kDefaultColumnFamilyName, TableOptions(Table::kState, options, cache)}};
  for (const Table table : kTables) {
    families.emplace_back(kTableNames[static_cast<size_t>(table)],
                          TableOptions(table, options, cache));
  }
  rocksdb::DB* opened = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DBOptions how = DatabaseOptions(options);
  how.wal_filter = &gap_filter;
  std::error_code ignored;  // what is wrong with the folder, opening the database says
  std::filesystem::create_directories(folder, ignored);
  // A body is read again, if at all, while it is still in memory: its file need not push other
  // things out of the page cache, nor be copied into it.
  how.use_direct_io_for_flush_and_compaction =
      options.rocksdb_env == nullptr && TakesDirectIo(folder);
  how.info_log = OpenInfoLog(folder);
  gap_filter.Begin();
  const rocksdb::Status status = rocksdb::DB::Open(how, folder, families, &handles, &opened);
  if (!status.ok()) return ToStatus(status, base::Cat("opening ", folder));
  db.reset(opened);
  db->DestroyColumnFamilyHandle(handles[0]);  // the default family holds nothing
  tables.assign(handles.begin() + 1, handles.end());
  return absl::OkStatus();
}

void Spool::Impl::CloseDatabase() {
  if (db == nullptr) return;
  for (rocksdb::ColumnFamilyHandle* table : tables) db->DestroyColumnFamilyHandle(table);
  tables.clear();
  (void)db->Close();
  db.reset();
}

std::vector<Spool::Impl::Waiting> Spool::Impl::TakeWaiting() {
  std::vector<Waiting> merge;
  size_t bytes = 0;
  while (!queue.empty() && bytes < kMergeBytes) {
    bytes += queue.front().batch.bytes();
    merge.push_back(std::move(queue.front()));
    queue.pop_front();
  }
  return merge;
}

void Spool::Impl::Run() {
  const auto interval = absl::ToChronoMilliseconds(options.recovery_interval);
  std::chrono::steady_clock::time_point next_try;
  std::unique_lock lock(mutex);
  const auto something = [this] { return stopping || !queue.empty(); };
  while (true) {
    if (health.ok()) {
      wake.wait(lock, something);
    } else if (wake.wait_until(lock, next_try, something);
               std::chrono::steady_clock::now() >= next_try && !stopping) {
      lock.unlock();
      const absl::Status recovered = Recover();
      next_try = std::chrono::steady_clock::now() + interval;
      lock.lock();
      health = recovered;
    }
    if (queue.empty()) {
      if (stopping) return;
      continue;
    }
    std::vector<Waiting> merge = TakeWaiting();
    const absl::Status broken = health;
    lock.unlock();
    if (!broken.ok()) {
      for (Waiting& waiting : merge) std::move(waiting.done)(broken);
    } else if (!Write(std::move(merge)).ok()) {
      next_try = std::chrono::steady_clock::now() + interval;
    }
    lock.lock();
  }
}

void Spool::Impl::AddChanges(const Batch& batch, rocksdb::WriteBatch& merged) const {
  for (const Batch::Change& change : batch.changes()) {
    switch (change.kind) {
      case Batch::Change::kPut:
        (void)merged.Put(handle(change.table), change.key, change.value);
        break;
      case Batch::Change::kDelete:
        (void)merged.Delete(handle(change.table), change.key);
        break;
      case Batch::Change::kDeleteRange:
        (void)merged.DeleteRange(handle(change.table), change.key, change.value);
        break;
    }
  }
}

absl::Status Spool::Impl::WriteMerged(const std::vector<Waiting>& merge) {
  size_t bytes = 0;
  bool flush = false;
  for (const Waiting& waiting : merge) {
    bytes += waiting.batch.bytes() + 32 * waiting.batch.changes().size();
    flush |= waiting.durability == Durability::kFlushed;
  }
  rocksdb::WriteBatch merged(bytes + 64);
  (void)merged.PutLogData(SliceOf(SerialBytes(serial)));
  for (const Waiting& waiting : merge) AddChanges(waiting.batch, merged);
  rocksdb::WriteOptions how;
  how.sync = flush;
  // An empty batch that asks for a flush still has to flush what came before.
  const rocksdb::Status status = merged.Count() > 0 ? db->Write(how, &merged)
                                 : flush            ? db->FlushWAL(true)
                                                    : rocksdb::Status::OK();
  if (status.ok() && merged.Count() > 0) ++serial;
  writes.fetch_add(1, std::memory_order_relaxed);
  if (flush) flushes.fetch_add(1, std::memory_order_relaxed);
  return ToStatus(status, "writing");
}

absl::Status Spool::Impl::Write(std::vector<Waiting> merge) {
  const absl::Status status = WriteMerged(merge);
  if (!status.ok()) {
    for (Waiting& waiting : merge) undone.push_back(std::move(waiting.batch));
    SetHealth(status);
  }
  for (Waiting& waiting : merge) std::move(waiting.done)(status);
  return status;
}

// Whether the folder takes and flushes bytes again: reopening a database in one that does not would
// leave us with none.
absl::Status Spool::Impl::TryFolder() {
  const std::string path = folder + "/probe";
  std::unique_ptr<rocksdb::WritableFile> file;
  rocksdb::Status status = env()->NewWritableFile(path, &file, rocksdb::EnvOptions());
  if (status.ok()) status = file->Append(std::string(256 * 1024, 'p'));
  if (status.ok()) status = file->Sync();
  if (status.ok()) status = file->Close();
  file.reset();
  (void)env()->DeleteFile(path);
  return ToStatus(status, base::Cat("trying to write in ", folder));
}

// What the keys of `batches` hold now. Deletions of ranges are left out: they remove what is over
// anyway.
rocksdb::WriteBatch Spool::Impl::Before(const std::vector<Batch>& batches) {
  rocksdb::WriteBatch before;
  (void)before.PutLogData(SliceOf(SerialBytes(serial)));
  for (const Batch& batch : batches) {
    for (const Batch::Change& change : batch.changes()) {
      if (change.kind == Batch::Change::kDeleteRange) continue;
      std::string value;
      const rocksdb::Status status =
          db->Get(rocksdb::ReadOptions(), handle(change.table), change.key, &value);
      if (status.ok()) (void)before.Put(handle(change.table), change.key, value);
      if (status.IsNotFound()) (void)before.Delete(handle(change.table), change.key);
    }
  }
  return before;
}

// A failed write may stand in the log, in part or whole, while its callers were told that it
// failed; nothing may be written behind it. RocksDB's Resume writes its memory to files and the log
// is begun anew; where Resume refuses, the database is opened anew, which replays the log up to the
// damage. Either way what the failed writes touched is then written as it was before them, so that
// no later replay of the old log shows them.
absl::Status Spool::Impl::Recover() {
  CLEANMAIL_RETURN_IF_ERROR(TryFolder());
  if (db != nullptr) {
    if (!restore) restore = Before(undone);
    if (!db->Resume().ok() || !BeginNewLog().ok()) {
      std::unique_lock lock(db_mutex);
      CloseDatabase();
    }
  }
  if (db == nullptr) {
    std::unique_lock lock(db_mutex);
    CLEANMAIL_RETURN_IF_ERROR(OpenDatabase());
  }
  if (restore) {
    rocksdb::WriteOptions how;
    how.sync = true;
    CLEANMAIL_RETURN_IF_ERROR(ToStatus(db->Write(how, &*restore), "going on after a failure"));
    ++serial;
    restore.reset();
    undone.clear();
  }
  return absl::OkStatus();
}

// Flushing is what makes RocksDB leave a log behind, and it flushes only tables that hold
// something.
rocksdb::Status Spool::Impl::BeginNewLog() {
  rocksdb::WriteOptions how;
  how.disableWAL = true;
  rocksdb::Status status = db->Put(how, handle(Table::kState), "spool/resumed", "");
  if (status.ok()) status = db->Flush(rocksdb::FlushOptions(), tables);
  return status;
}

Spool::Spool(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  impl_->committer = std::thread([this] { impl_->Run(); });
}

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(const std::string& folder,
                                                   SpoolOptions options) {
  auto impl = std::make_unique<Impl>();
  impl->folder = folder;
  impl->options = options;
  CLEANMAIL_RETURN_IF_ERROR(impl->OpenDatabase());
  return std::unique_ptr<Spool>(new Spool(std::move(impl)));
}

Spool::~Spool() {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  impl_->committer.join();
}

void Spool::Commit(Batch batch, Durability durability, Done done) {
  bool alone;
  {
    std::lock_guard lock(impl_->mutex);
    alone = impl_->queue.empty();
    impl_->queue.push_back({std::move(batch), durability, std::move(done)});
  }
  if (alone) impl_->wake.notify_one();
}

absl::Status Spool::CommitAndWait(Batch batch, Durability durability) {
  std::mutex mutex;
  std::condition_variable ended;
  std::optional<absl::Status> result;
  Commit(std::move(batch), durability, [&](absl::Status status) {
    std::lock_guard lock(mutex);
    result = std::move(status);
    ended.notify_one();
  });
  std::unique_lock lock(mutex);
  ended.wait(lock, [&] { return result.has_value(); });
  return *result;
}

absl::StatusOr<std::string> Spool::Get(Table table, std::string_view key) {
  std::shared_lock lock(impl_->db_mutex);
  if (impl_->db == nullptr) return BeingOpened();
  std::string value;
  const rocksdb::Status status =
      impl_->db->Get(rocksdb::ReadOptions(), impl_->handle(table), SliceOf(key), &value);
  if (!status.ok()) return ToStatus(status, "reading");
  return value;
}

absl::Status Spool::Scan(
    Table table, std::string_view begin, std::string_view end,
    absl::FunctionRef<bool(std::string_view key, std::string_view value)> visit) {
  std::shared_lock lock(impl_->db_mutex);
  if (impl_->db == nullptr) return BeingOpened();
  const rocksdb::Slice limit = SliceOf(end);
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  if (!end.empty()) how.iterate_upper_bound = &limit;
  const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(how, impl_->handle(table)));
  for (it->Seek(SliceOf(begin)); it->Valid(); it->Next()) {
    if (!visit(ViewOf(it->key()), ViewOf(it->value()))) break;
  }
  return ToStatus(it->status(), "scanning");
}

absl::Status Spool::SkipScan(
    Table table, std::string_view begin, std::string_view end,
    absl::FunctionRef<std::optional<std::string>(std::string_view key, std::string_view value)>
        visit) {
  std::shared_lock lock(impl_->db_mutex);
  if (impl_->db == nullptr) return BeingOpened();
  const rocksdb::Slice limit = SliceOf(end);
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  if (!end.empty()) how.iterate_upper_bound = &limit;
  const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(how, impl_->handle(table)));
  it->Seek(SliceOf(begin));
  while (it->Valid()) {
    const std::optional<std::string> next = visit(ViewOf(it->key()), ViewOf(it->value()));
    if (!next) break;
    it->Seek(*next);
  }
  return ToStatus(it->status(), "scanning");
}

absl::StatusOr<std::pair<std::string, std::string>> Spool::Last(Table table, std::string_view begin,
                                                                std::string_view end) {
  std::shared_lock lock(impl_->db_mutex);
  if (impl_->db == nullptr) return BeingOpened();
  const rocksdb::Slice first = SliceOf(begin), limit = SliceOf(end);
  rocksdb::ReadOptions how;
  how.fill_cache = false;
  how.iterate_lower_bound = &first;
  if (!end.empty()) how.iterate_upper_bound = &limit;
  const std::unique_ptr<rocksdb::Iterator> it(impl_->db->NewIterator(how, impl_->handle(table)));
  it->SeekToLast();
  CLEANMAIL_RETURN_IF_ERROR(ToStatus(it->status(), "looking for the last key"));
  if (!it->Valid()) return absl::NotFoundError("spool: no key there");
  return std::pair(it->key().ToString(), it->value().ToString());
}

absl::Status Spool::Reclaim(Table table, std::string_view begin, std::string_view end) {
  std::shared_lock lock(impl_->db_mutex);
  if (impl_->db == nullptr) return BeingOpened();
  const rocksdb::Slice first = SliceOf(begin), limit = SliceOf(end);
  rocksdb::CompactRangeOptions how;
  how.exclusive_manual_compaction = false;
  return ToStatus(
      impl_->db->CompactRange(how, impl_->handle(table), &first, end.empty() ? nullptr : &limit),
      "giving space back");
}

absl::StatusOr<int64_t> Spool::FreeBytes() const {
  uint64_t free = 0;
  CLEANMAIL_RETURN_IF_ERROR(
      ToStatus(impl_->env()->GetFreeSpace(impl_->folder, &free), "asking for free space"));
  return static_cast<int64_t>(free);
}

absl::Status Spool::Health() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->health;
}

int64_t Spool::writes() const { return impl_->writes.load(std::memory_order_relaxed); }
int64_t Spool::flushes() const { return impl_->flushes.load(std::memory_order_relaxed); }

}  // namespace cleanmail::spool
