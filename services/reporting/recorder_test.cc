#include "services/reporting/recorder.h"

#include <future>

#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/store/sql/test_database.h"

namespace cleanmail::reporting {
namespace {

Changes Said(int message, int64_t generation, double score) {
  Changes changes;
  changes.messages.push_back({.message = base::Cat("m", message),
                              .tenant = "acme",
                              .sender = {},
                              .subject = {},
                              .client_address = {},
                              .accepted_at_us = 1,
                              .generation = generation,
                              .score = score,
                              .findings = {}});
  return changes;
}

// Lets a real database count transactions and fail them.
class Counted final : public sql::Database {
 public:
  explicit Counted(sql::Database& database) : database_(database) {}
  absl::Status Transact(absl::FunctionRef<absl::Status(sql::Session&)> body) override {
    ++transactions;
    return fail.ok() || transactions > failures ? database_.Transact(body) : fail;
  }
  absl::Status Read(absl::FunctionRef<absl::Status(sql::Session&)> body) override {
    return database_.Read(body);
  }

  int transactions = 0;
  int failures = 0;
  absl::Status fail;

 private:
  sql::Database& database_;
};

class RecorderTest : public ::testing::Test {
 protected:
  // Adds `events` and returns what became of each.
  std::vector<absl::Status> Record(std::vector<Changes> events, Recorder::Options options) {
    std::vector<std::promise<absl::Status>> ends(events.size());
    {
      Recorder recorder(store_, options);
      for (size_t i = 0; i < events.size(); ++i)
        recorder.Add(std::move(events[i]),
                     [&end = ends[i]](absl::Status status) { end.set_value(std::move(status)); });
    }
    std::vector<absl::Status> statuses;
    for (auto& end : ends) statuses.push_back(end.get_future().get());
    return statuses;
  }
  std::vector<sql::Row> Rows(std::string_view query) {
    std::vector<sql::Row> rows;
    EXPECT_TRUE(database_
                    ->Read([&](sql::Session& session) {
                      auto found = session.Query(query);
                      if (found.ok()) rows = *std::move(found);
                      return found.status();
                    })
                    .ok());
    return rows;
  }

  std::unique_ptr<sql::Database> database_ = sql::NewTestDatabase(Migrations());
  Counted counted_{*database_};
  Store store_{counted_};
};

TEST_F(RecorderTest, WhatComesWithinAMomentIsWrittenInOneTransaction) {
  std::vector<Changes> events;
  for (int i = 0; i < 100; ++i) {
    events.push_back(Said(i, 0, 0));
    events.push_back(Said(i, 1, 2.5));
  }
  for (const absl::Status& status :
       Record(std::move(events), {.moment = absl::Seconds(5), .most = 200}))
    EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(counted_.transactions, 1);
  const auto rows = Rows("SELECT COUNT(*), MIN(score), MIN(generation) FROM messages");
  EXPECT_EQ(rows[0].Int(0), 100);
  EXPECT_EQ(rows[0].Double(1), 2.5) << "the newest scan stands, whichever order events come in";
  EXPECT_EQ(rows[0].Int(2), 1);
}

TEST_F(RecorderTest, AnEventThatCannotBeWrittenFailsAlone) {
  counted_.fail = absl::InvalidArgumentError("no row");
  counted_.failures = 2;  // the gathering, and the first event by itself
  const auto statuses =
      Record({Said(1, 0, 0), Said(2, 0, 0)}, {.moment = absl::Seconds(5), .most = 2});
  EXPECT_TRUE(absl::IsInvalidArgument(statuses[0])) << statuses[0];
  EXPECT_TRUE(statuses[1].ok()) << statuses[1];
  EXPECT_EQ(Rows("SELECT message FROM messages").size(), 1u);
}

TEST_F(RecorderTest, WhileTheDatabaseIsAwayEveryEventComesAgain) {
  counted_.fail = absl::UnavailableError("gone");
  counted_.failures = 1;
  for (const absl::Status& status :
       Record({Said(1, 0, 0), Said(2, 0, 0)}, {.moment = absl::Seconds(5), .most = 2}))
    EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_EQ(counted_.transactions, 1);
}

TEST_F(RecorderTest, OneEventDoesNotWaitForMore) {
  std::promise<absl::Status> end;
  Recorder recorder(store_, {.moment = absl::Milliseconds(10), .most = 1000});
  recorder.Add(Said(1, 0, 0), [&end](absl::Status status) { end.set_value(std::move(status)); });
  auto ended = end.get_future();
  ASSERT_EQ(ended.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_TRUE(ended.get().ok());
}

}  // namespace
}  // namespace cleanmail::reporting
