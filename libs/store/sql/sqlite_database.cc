#include "libs/store/sql/sqlite_database.h"

#include <mutex>
#include <utility>
#include <vector>

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include "libs/base/status_macros.h"
#include "libs/store/sql/soci_session.h"

namespace cleanmail::sql {
namespace {

constexpr int kTries = 3;        // of a transaction the engine aborted
constexpr size_t kReaders = 4;   // connections kept for reading
constexpr int kBusySeconds = 5;  // another process (a backup) may hold the file this long

// SQLite's result codes, https://www.sqlite.org/rescode.html.
enum Code {
  kBusy = 5,
  kLocked = 6,
  kReadOnly = 8,
  kIo = 10,
  kCorrupt = 11,
  kFull = 13,
  kCannotOpen = 14,
  kConstraint = 19,
  kNotADb = 26
};

absl::Status MapError(const std::exception& error) {
  const std::string why = base::Cat("SQLite: ", error.what());
  const auto* known = dynamic_cast<const soci::sqlite3_soci_error*>(&error);
  switch (known == nullptr ? 0 : known->result() & 0xff) {
    case kBusy:
    case kLocked:
      return absl::AbortedError(why);
    case kReadOnly:
    case kIo:
    case kCannotOpen:
      return absl::UnavailableError(why);
    case kCorrupt:
    case kNotADb:
      return absl::DataLossError(why);
    case kFull:
      return absl::ResourceExhaustedError(why);
    case kConstraint:
      if (why.find("UNIQUE") != std::string::npos) return absl::AlreadyExistsError(why);
      return absl::FailedPreconditionError(why);
    default:
      return absl::InternalError(why);
  }
}

class SqliteDatabase final : public Database {
 public:
  explicit SqliteDatabase(std::string path) : path_(std::move(path)) {}

  absl::Status Open() {
    std::lock_guard lock(writing_);
    return EnsureWriter();
  }

  absl::Status Transact(absl::FunctionRef<absl::Status(Session&)> body) override {
    std::lock_guard lock(writing_);
    absl::Status status;
    for (int i = 0; i < kTries; ++i) {
      status = TransactOnce(body);
      if (!absl::IsAborted(status)) break;
    }
    return status;
  }

  absl::Status Read(absl::FunctionRef<absl::Status(Session&)> body) override {
    std::unique_ptr<SociSession> reader;
    {
      std::lock_guard lock(readers_mutex_);
      if (!readers_.empty()) {
        reader = std::move(readers_.back());
        readers_.pop_back();
      }
    }
    if (reader == nullptr) {
      CLEANMAIL_ASSIGN_OR_RETURN(reader, Connect());
      CLEANMAIL_RETURN_IF_ERROR(reader->Run("PRAGMA query_only = 1"));
    }
    // One snapshot for all that `body` reads.
    CLEANMAIL_RETURN_IF_ERROR(reader->Run("BEGIN"));
    absl::Status status = body(*reader);
    if (const absl::Status ended = reader->Run("COMMIT"); !ended.ok())
      return status.ok() ? ended : status;
    std::lock_guard lock(readers_mutex_);
    if (readers_.size() < kReaders) readers_.push_back(std::move(reader));
    return status;
  }

 private:
  absl::StatusOr<std::unique_ptr<SociSession>> Connect() {
    try {
      auto session = std::make_unique<soci::session>(
          soci::sqlite3, base::Cat("dbname=\"", path_, "\" timeout=", kBusySeconds));
      return std::make_unique<SociSession>(std::move(session), &MapError);
    } catch (const std::exception& error) {
      return base::Annotate(MapError(error), path_);
    }
  }

  absl::Status EnsureWriter() {
    if (writer_ != nullptr) return absl::OkStatus();
    CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<SociSession> writer, Connect());
    for (const std::string_view setting :
         {"PRAGMA journal_mode = WAL", "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = 1"}) {
      CLEANMAIL_RETURN_IF_ERROR(base::Annotate(writer->Run(setting), path_));
    }
    writer_ = std::move(writer);
    return absl::OkStatus();
  }

  absl::Status TransactOnce(absl::FunctionRef<absl::Status(Session&)> body) {
    CLEANMAIL_RETURN_IF_ERROR(EnsureWriter());
    (void)writer_->TakeFailure();
    absl::Status status = writer_->Run("BEGIN IMMEDIATE");
    if (status.ok()) {
      status = body(*writer_);
      status.Update(writer_->TakeFailure());  // one the body overlooked
      if (status.ok()) status = writer_->Run("COMMIT");
      if (status.ok()) return status;
      // After some errors SQLite has rolled back by itself and ROLLBACK fails.
      (void)writer_->Run("ROLLBACK");
    }
    // A connection that met a broken disk is not trusted any more: the next transaction makes a new
    // one.
    if (absl::IsUnavailable(status) || absl::IsResourceExhausted(status) ||
        absl::IsDataLoss(status))
      writer_.reset();
    return status;
  }

  const std::string path_;
  std::mutex writing_;
  std::unique_ptr<SociSession> writer_;  // guarded by writing_
  std::mutex readers_mutex_;
  std::vector<std::unique_ptr<SociSession>> readers_;  // idle ones; guarded by readers_mutex_
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path) {
  if (path.find('"') != std::string::npos)
    return absl::InvalidArgumentError("a database's path has no quotation marks");
  auto database = std::make_unique<SqliteDatabase>(path);
  CLEANMAIL_RETURN_IF_ERROR(database->Open());
  return database;
}

}  // namespace cleanmail::sql
