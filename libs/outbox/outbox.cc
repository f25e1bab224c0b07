#include "libs/outbox/outbox.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "libs/base/status_macros.h"

namespace cleanmail::outbox {

// The numbers come from the rows themselves (one past the greatest, by the one writer a schema
// has): no engine's own words.
const std::string_view kMigration = R"sql(
CREATE TABLE outbox (
  number BIGINT PRIMARY KEY,
  topic TEXT NOT NULL,
  compacted BIGINT NOT NULL,
  flushed BIGINT NOT NULL,
  event_key TEXT NOT NULL,
  payload TEXT NOT NULL,
  trace TEXT NOT NULL,
  tombstone BIGINT NOT NULL
);
)sql";

namespace {

constexpr int kPage = 128;  // events read and published at once
constexpr std::chrono::seconds kLookInterval(1);
constexpr std::chrono::milliseconds kFirstRetry(50);
constexpr std::chrono::milliseconds kLastRetry(5000);

struct Waiting {
  int64_t number;
  bus::Record record;
};

class Relay final : public Outbox {
 public:
  Relay(sql::Database& database, bus::Bus& bus) : database_(database), bus_(bus) {
    thread_ = std::thread([this] { Run(); });
  }

  ~Relay() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      wake_.notify_all();
    }
    thread_.join();
  }

  absl::Status Add(sql::Session& session, const bus::Record& record) override {
    return session
        .Execute(
            "INSERT INTO outbox (number, topic, compacted, flushed, event_key, payload, trace, "
            "tombstone) "
            "SELECT COALESCE(MAX(number), 0) + 1, :topic, :compacted, :flushed, :event_key, "
            ":payload, :trace, :tombstone FROM outbox",
            {{"topic", record.topic.name},
             {"compacted", int64_t{record.topic.compacted}},
             {"flushed", int64_t{record.topic.flushed}},
             {"event_key", record.key},
             {"payload", absl::Base64Escape(record.payload)},
             {"trace", record.trace},
             {"tombstone", int64_t{record.tombstone}}})
        .status();
  }

  void Nudge() override {
    std::lock_guard lock(mutex_);
    nudged_ = true;
    wake_.notify_all();
  }

  absl::Status Flush() override {
    while (true) {
      CLEANMAIL_ASSIGN_OR_RETURN(const bool more, SendPage());
      if (!more) return absl::OkStatus();
    }
  }

 private:
  void Run() {
    auto pause = kFirstRetry;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      nudged_ = false;
      lock.unlock();
      const absl::StatusOr<bool> more = SendPage();
      lock.lock();
      if (more.ok()) {
        pause = kFirstRetry;
        if (!*more) wake_.wait_for(lock, kLookInterval, [this] { return stopping_ || nudged_; });
      } else {
        wake_.wait_for(lock, pause, [this] { return stopping_; });
        pause = std::min(pause * 2, kLastRetry);
      }
    }
  }

  // Publishes the oldest events and deletes them; false: none were left.
  absl::StatusOr<bool> SendPage() {
    std::lock_guard lock(sending_);  // the relay's thread and Flush would break the order
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<Waiting> page, ReadPage());
    if (page.empty()) return false;
    const int64_t last = page.back().number;
    // One publication: its records become visible together, in this order.
    CLEANMAIL_RETURN_IF_ERROR(PublishAndWait(std::move(page)));
    CLEANMAIL_RETURN_IF_ERROR(database_.Transact([last](sql::Session& session) {
      return session.Execute("DELETE FROM outbox WHERE number <= :last", {{"last", last}}).status();
    }));
    return true;
  }

  absl::StatusOr<std::vector<Waiting>> ReadPage() {
    std::vector<Waiting> page;
    CLEANMAIL_RETURN_IF_ERROR(database_.Read([&page](sql::Session& session) -> absl::Status {
      CLEANMAIL_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          session.Query("SELECT number, topic, compacted, flushed, event_key, payload, trace, "
                        "tombstone FROM outbox ORDER BY number LIMIT :page",
                        {{"page", int64_t{kPage}}}));
      for (const sql::Row& row : rows) {
        std::string payload;
        if (!absl::Base64Unescape(row.Text(5), &payload))
          return absl::DataLossError("outbox: an event is not base64");
        page.push_back({.number = row.Int(0),
                        .record = {.topic = {.name = row.Text(1),
                                             .compacted = row.Int(2) != 0,
                                             .flushed = row.Int(3) != 0},
                                   .key = row.Text(4),
                                   .payload = std::move(payload),
                                   .trace = row.Text(6),
                                   .tombstone = row.Int(7) != 0}});
      }
      return absl::OkStatus();
    }));
    return page;
  }

  absl::Status PublishAndWait(std::vector<Waiting> page) {
    bus::Publication publication;
    for (Waiting& waiting : page) publication.records.push_back(std::move(waiting.record));
    std::mutex mutex;
    std::condition_variable ended;
    std::optional<absl::Status> result;
    bus_.Publish(std::move(publication), [&](absl::Status status) {
      std::lock_guard lock(mutex);
      result = std::move(status);
      ended.notify_one();
    });
    std::unique_lock lock(mutex);
    ended.wait(lock, [&result] { return result.has_value(); });
    return *result;
  }

  sql::Database& database_;
  bus::Bus& bus_;
  std::mutex sending_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  bool nudged_ = false;    // guarded by mutex_
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Outbox> Outbox::Create(sql::Database& database, bus::Bus& bus) {
  return std::make_unique<Relay>(database, bus);
}

}  // namespace cleanmail::outbox
