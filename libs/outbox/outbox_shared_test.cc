#include "libs/outbox/outbox_fixture.h"

namespace cleanmail::outbox {
namespace {

// What only several processes can do to each other.
class SharedOutboxTest : public OutboxTest {
 protected:
  absl::Status Count(Outbox& outbox, const std::string& counter) {
    return database_->Transact([&](sql::Session& session) -> absl::Status {
      const sql::Parameters named = {{"name", counter}};
      auto changed = session.Execute("UPDATE counters SET n = n + 1 WHERE name = :name", named);
      if (!changed.ok()) return changed.status();
      auto rows = session.Query("SELECT n FROM counters WHERE name = :name", named);
      if (!rows.ok()) return rows.status();
      bus::Record record = RecordOf(std::to_string((*rows)[0].Int(0)));
      record.key = counter;
      return outbox.Add(session, record);
    });
  }
  // The numbers published under a key, without those that only came again.
  std::vector<int> Counted(const std::string& counter) {
    std::vector<int> numbers;
    for (const bus::Record& record : bus_.records()) {
      if (record.key == counter) numbers.push_back(std::stoi(record.payload));
    }
    return numbers;
  }
};

TEST_F(SharedOutboxTest, T_E2_SeveralInstancesLoseNothingAndKeepEachKeysOrder) {
  ASSERT_TRUE(database_
                  ->Transact([](sql::Session& session) -> absl::Status {
                    for (const char* statement :
                         {"CREATE TABLE counters (name TEXT PRIMARY KEY, n BIGINT NOT NULL)",
                          "INSERT INTO counters (name, n) VALUES ('a', 0)",
                          "INSERT INTO counters (name, n) VALUES ('b', 0)"}) {
                      if (auto done = session.Execute(statement); !done.ok()) return done.status();
                    }
                    return absl::OkStatus();
                  })
                  .ok());
  constexpr int kEach = 100;
  auto first = Outbox::Create(*database_, bus_);
  auto second = Outbox::Create(*database_, bus_);
  std::vector<std::thread> writers;
  for (int i = 0; i < 4; ++i) {
    writers.emplace_back([&, i] {
      Outbox& outbox = i % 2 == 0 ? *first : *second;
      for (int n = 0; n < kEach; ++n) {
        while (!Count(outbox, i < 2 ? "a" : "b").ok()) {
        }
        outbox.Nudge();
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(Eventually([&] { return Rows() == 0; }));
  std::vector<int> expected;
  for (int n = 1; n <= 2 * kEach; ++n) expected.push_back(n);
  EXPECT_EQ(Counted("a"), expected);
  EXPECT_EQ(Counted("b"), expected);
}

TEST_F(SharedOutboxTest, T_E2_AnotherInstanceSendsWithinFiveSecondsOfADeath) {
  Mortal mortal(*database_);
  auto first = Outbox::Create(mortal, bus_);
  ASSERT_TRUE(Add(*first, {"1"}).ok());
  ASSERT_TRUE(Eventually([&] { return Rows() == 0; }));
  auto second = Outbox::Create(*database_, bus_);
  mortal.dead = mortal.blind = true;
  ASSERT_TRUE(Add(*second, {"2"}).ok());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(Eventually([&] { return Rows() == 0; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(Published(), (std::vector<std::string>{"1", "2"}));
}

TEST_F(SharedOutboxTest, AnInstanceThatEndsWellIsFollowedAtOnce) {
  auto first = Outbox::Create(*database_, bus_);
  ASSERT_TRUE(first->Flush().ok());
  auto second = Outbox::Create(*database_, bus_);
  first.reset();
  ASSERT_TRUE(Add(*second, {"1"}).ok());
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(Eventually([&] { return Rows() == 0; }));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(2));
}

}  // namespace
}  // namespace cleanmail::outbox
