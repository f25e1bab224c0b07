#include "libs/store/sql/test_database.h"

#include <utility>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace cleanmail::sql {
namespace {

constexpr absl::Duration kLong = absl::Milliseconds(50);

class RunTwice final : public Database {
 public:
  explicit RunTwice(std::unique_ptr<Database> database) : database_(std::move(database)) {}
  absl::Status Transact(absl::FunctionRef<absl::Status(Session&)> body) override {
    bool ran = false;
    return database_->Transact([&](Session& session) -> absl::Status {
      const absl::Time begin = absl::Now();
      CLEANMAIL_RETURN_IF_ERROR(body(session));
      const bool again = !std::exchange(ran, true) && absl::Now() - begin < kLong;
      return again ? absl::AbortedError("run again") : absl::OkStatus();
    });
  }
  absl::Status Read(absl::FunctionRef<absl::Status(Session&)> body) override {
    return database_->Read(body);
  }
  absl::Status Alone(absl::FunctionRef<absl::Status()> body) override {
    return database_->Alone(body);
  }
  bool shared() const override { return database_->shared(); }

 private:
  const std::unique_ptr<Database> database_;
};

}  // namespace

std::unique_ptr<Database> TestDatabasePlace::Open() const {
  return std::make_unique<RunTwice>(OpenOnce());
}

std::unique_ptr<Database> NewTestDatabase(std::span<const Migration> migrations) {
  std::unique_ptr<Database> database = TestDatabasePlace().Open();
  const absl::Status migrated = Migrate(*database, migrations);
  CLEANMAIL_CHECK(migrated.ok(), migrated.ToString());
  return database;
}

}  // namespace cleanmail::sql
