#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "libs/bus/fake_bus.h"
#include "libs/outbox/outbox.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::outbox {

inline bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline bus::Record RecordOf(std::string payload) {
  return {.topic = {.name = "fruit.v1", .compacted = true, .flushed = true},
          .key = "k",
          .payload = std::move(payload),
          .trace = "t",
          .tombstone = true};
}

// A database whose transactions fail from now on, as when the process dies.
class Mortal final : public sql::Database {
 public:
  explicit Mortal(sql::Database& database) : database_(database) {}
  absl::Status Transact(absl::FunctionRef<absl::Status(sql::Session&)> body) override {
    if (dead || dies()) return absl::UnavailableError("dead");
    return database_.Transact(body);
  }
  absl::Status Read(absl::FunctionRef<absl::Status(sql::Session&)> body) override {
    if (blind) return absl::UnavailableError("dead");
    return database_.Read(body);
  }
  bool shared() const override { return database_.shared(); }
  std::atomic<bool> dead{false};
  std::function<bool()> dies = [] { return false; };  // constant once it is used
  std::atomic<bool> blind{false};                     // cannot read either

 private:
  sql::Database& database_;
};

class OutboxTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::vector<sql::Migration> migrations = {{1, "outbox", kMigration}};
    database_ = sql::NewTestDatabase(migrations);
  }
  absl::Status Add(Outbox& outbox, const std::vector<std::string>& payloads,
                   absl::Status end = absl::OkStatus()) {
    return database_->Transact([&](sql::Session& session) -> absl::Status {
      for (const std::string& payload : payloads) {
        if (absl::Status status = outbox.Add(session, RecordOf(payload)); !status.ok())
          return status;
      }
      return end;
    });
  }
  int64_t Rows() {
    int64_t rows = -1;
    EXPECT_TRUE(database_
                    ->Read([&](sql::Session& session) {
                      auto result = session.Query("SELECT COUNT(*) FROM outbox");
                      if (result.ok()) rows = (*result)[0].Int(0);
                      return result.status();
                    })
                    .ok());
    return rows;
  }
  std::vector<std::string> Published() {
    std::vector<std::string> payloads;
    for (const bus::Record& record : bus_.records()) payloads.push_back(record.payload);
    return payloads;
  }
  std::unique_ptr<sql::Database> database_;
  bus::FakeBus bus_;
};

}  // namespace cleanmail::outbox
