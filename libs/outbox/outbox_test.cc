#include "libs/outbox/outbox.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "libs/bus/fake_bus.h"
#include "libs/store/sql/sqlite_database.h"

namespace cleanmail::outbox {
namespace {

bool Eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

bus::Record RecordOf(std::string payload) {
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
    if (dead) return absl::UnavailableError("dead");
    return database_.Transact(body);
  }
  absl::Status Read(absl::FunctionRef<absl::Status(sql::Session&)> body) override {
    return database_.Read(body);
  }
  std::atomic<bool> dead{false};

 private:
  sql::Database& database_;
};

class OutboxTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = testing::TempDir() + "/outbox-" +
                               testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    database_ = *sql::OpenSqlite(folder + "/x.db");
    const std::vector<sql::Migration> migrations = {{1, "outbox", kMigration}};
    ASSERT_TRUE(Migrate(*database_, migrations).ok());
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

TEST_F(OutboxTest, SendsWhatWasCommittedInItsOrder) {
  auto outbox = Outbox::Create(*database_, bus_);
  ASSERT_TRUE(Add(*outbox, {"1", std::string("\0\xff", 2), "3"}).ok());
  outbox->Nudge();
  EXPECT_TRUE(Eventually([&] { return bus_.records().size() == 3 && Rows() == 0; }));
  EXPECT_EQ(Published(), (std::vector<std::string>{"1", std::string("\0\xff", 2), "3"}));
  const bus::Record record = bus_.records()[0];
  EXPECT_EQ(record.topic.name, "fruit.v1");
  EXPECT_TRUE(record.topic.compacted && record.topic.flushed && record.tombstone);
  EXPECT_EQ(record.key, "k");
  EXPECT_EQ(record.trace, "t");
}

TEST_F(OutboxTest, SendsNothingOfATransactionThatFailed) {
  auto outbox = Outbox::Create(*database_, bus_);
  EXPECT_FALSE(Add(*outbox, {"1"}, absl::InvalidArgumentError("no")).ok());
  ASSERT_TRUE(outbox->Flush().ok());
  EXPECT_TRUE(bus_.records().empty());
}

TEST_F(OutboxTest, TriesAgainWhenTheBusFails) {
  bus_.FailNext(absl::UnavailableError("away"), 3);
  auto outbox = Outbox::Create(*database_, bus_);
  ASSERT_TRUE(Add(*outbox, {"1", "2"}).ok());
  outbox->Nudge();
  EXPECT_TRUE(Eventually([&] { return Rows() == 0; }));
  EXPECT_EQ(Published(), (std::vector<std::string>{"1", "2"}));
}

TEST_F(OutboxTest, T_E2_WhatWasPublishedAndNotDeletedIsSentAgainByTheNextProcess) {
  Mortal mortal(*database_);
  {
    auto outbox = Outbox::Create(mortal, bus_);
    ASSERT_TRUE(Add(*outbox, {"1", "2"}).ok());
    mortal.dead = true;
    EXPECT_FALSE(outbox->Flush().ok());
  }
  EXPECT_GE(bus_.records().size(), 2u);
  EXPECT_EQ(Rows(), 2);
  bus_.Clear();
  auto outbox = Outbox::Create(*database_, bus_);
  EXPECT_TRUE(Eventually([&] { return Rows() == 0; }));
  EXPECT_EQ(Published(), (std::vector<std::string>{"1", "2"}));
}

TEST_F(OutboxTest, FlushReturnsOnceAllIsPublished) {
  auto outbox = Outbox::Create(*database_, bus_);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Add(*outbox, {std::to_string(i)}).ok());
  ASSERT_TRUE(outbox->Flush().ok());
  EXPECT_EQ(Rows(), 0);
  const std::vector<std::string> published = Published();
  ASSERT_EQ(published.size(), 300u);
  for (int i = 0; i < 300; ++i) EXPECT_EQ(published[i], std::to_string(i));
}

}  // namespace
}  // namespace cleanmail::outbox
