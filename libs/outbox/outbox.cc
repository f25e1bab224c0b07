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
#include "libs/outbox/lease.h"

namespace cleanmail::outbox {

// The engine gives the numbers. Of two transactions that change the same row the later one begins
// anew when the earlier one commits, and so gets the greater number; others may overtake each
// other.
const std::string_view kMigration = R"sql(
CREATE TABLE outbox (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  topic TEXT NOT NULL,
  compacted BIGINT NOT NULL,
  flushed BIGINT NOT NULL,
  event_key TEXT NOT NULL,
  payload TEXT NOT NULL,
  trace TEXT NOT NULL,
  tombstone BIGINT NOT NULL
);
-- Which of several processes sends; `beat` grows while it lives. No row: nobody does.
CREATE TABLE outbox_lease (
  name TEXT PRIMARY KEY,
  holder TEXT NOT NULL,
  beat BIGINT NOT NULL
);
)sql";

namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int kPage = 128;  // events read and published at once
constexpr std::chrono::milliseconds kLookInterval(1000);
constexpr std::chrono::milliseconds kFirstRetry(50);
constexpr std::chrono::milliseconds kLastRetry(5000);
// Where several processes write, another one's events are not told by a nudge.
constexpr std::chrono::milliseconds kSharedLookInterval(100);
constexpr std::chrono::milliseconds kFlushWait(10'000);

struct Waiting {
  int64_t number;
  bus::Record record;
};

class Relay final : public Outbox {
 public:
  Relay(sql::Database& database, bus::Bus& bus, absl::Duration rest)
      : database_(database), bus_(bus), rest_(absl::ToChronoMicroseconds(rest)) {
    if (database.shared()) lease_ = std::make_unique<Lease>(database);
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
            "INSERT INTO outbox (topic, compacted, flushed, event_key, payload, trace, tombstone) "
            "VALUES (:topic, :compacted, :flushed, :event_key, :payload, :trace, :tombstone)",
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
    const SteadyClock::time_point deadline = SteadyClock::now() + kFlushWait;
    while (true) {
      CLEANMAIL_ASSIGN_OR_RETURN(const Sent sent, SendPage());
      if (sent == Sent::kNothing) return absl::OkStatus();
      if (sent == Sent::kPage || sent == Sent::kFullPage) continue;
      // Another process sends; when it dies, this one will.
      CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Waiting> page, ReadPage());
      if (page.empty()) return absl::OkStatus();
      if (SteadyClock::now() > deadline)
        return absl::UnavailableError("outbox: another process has not sent all");
      std::this_thread::sleep_for(kFirstRetry);
    }
  }

 private:
  enum class Sent { kFullPage, kPage, kNothing, kAnotherDoes };

  void Run() {
    auto pause = kFirstRetry;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      nudged_ = false;
      lock.unlock();
      const absl::StatusOr<Sent> sent = SendPage();
      lock.lock();
      if (!sent.ok()) {
        wake_.wait_for(lock, pause, [this] { return stopping_; });
        pause = std::min(pause * 2, kLastRetry);
        continue;
      }
      pause = kFirstRetry;
      // What is added meanwhile goes in one.
      if (*sent == Sent::kPage && rest_.count() > 0)
        wake_.wait_for(lock, rest_, [this] { return stopping_; });
      if (*sent == Sent::kPage || *sent == Sent::kFullPage) continue;
      const auto interval = lease_ == nullptr             ? kLookInterval
                            : *sent == Sent::kAnotherDoes ? Lease::kRenewInterval
                                                          : kSharedLookInterval;
      const bool mine = *sent == Sent::kNothing;
      wake_.wait_for(lock, interval, [this, mine] { return stopping_ || (mine && nudged_); });
    }
    lock.unlock();
    std::lock_guard sending(sending_);
    if (lease_ != nullptr) lease_->Release();
  }

  // Publishes the oldest events and deletes them.
  absl::StatusOr<Sent> SendPage() {
    std::lock_guard lock(sending_);  // the relay's thread and Flush would break the order
    if (lease_ != nullptr) {
      CLEANMAIL_ASSIGN_OR_RETURN(const bool held, lease_->Hold());
      if (!held) return Sent::kAnotherDoes;
    }
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<Waiting> page, ReadPage());
    if (page.empty()) return Sent::kNothing;
    std::vector<sql::Parameters> sent;
    for (const Waiting& waiting : page) sent.push_back({{"number", waiting.number}});
    // It may have been frozen since.
    if (lease_ != nullptr && !lease_->held()) return Sent::kAnotherDoes;
    // One publication: its records become visible together, in this order.
    CLEANMAIL_RETURN_IF_ERROR(PublishAndWait(std::move(page)));
    // These and no others: a smaller number may be committed after a greater one.
    CLEANMAIL_RETURN_IF_ERROR(database_.Transact([&sent](sql::Session& session) {
      return session.ExecuteMany("DELETE FROM outbox WHERE number = :number", sent);
    }));
    return sent.size() == kPage ? Sent::kFullPage : Sent::kPage;
  }

  absl::StatusOr<std::vector<Waiting>> ReadPage() {
    std::vector<Waiting> page;
    CLEANMAIL_RETURN_IF_ERROR(database_.Read([&page](sql::Session& session) -> absl::Status {
      CLEANMAIL_ASSIGN_OR_RETURN(
          const std::vector<sql::Row> rows,
          // "+ 0": SOCI reads a column declared INTEGER as 32 bits.
          session.Query("SELECT number + 0, topic, compacted, flushed, event_key, payload, trace, "
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
    // A bus that is away may take long: the lease is kept meanwhile, so that nobody sends the same.
    while (!ended.wait_for(lock, Lease::kRenewInterval, [&result] { return result.has_value(); })) {
      lock.unlock();
      if (lease_ != nullptr) (void)lease_->Hold();
      lock.lock();
    }
    return *result;
  }

  sql::Database& database_;
  bus::Bus& bus_;
  const std::chrono::microseconds rest_;
  std::mutex sending_;
  std::unique_ptr<Lease> lease_;  // where several processes send; guarded by sending_
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;  // guarded by mutex_
  bool nudged_ = false;    // guarded by mutex_
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Outbox> Outbox::Create(sql::Database& database, bus::Bus& bus,
                                       absl::Duration rest) {
  return std::make_unique<Relay>(database, bus, rest);
}

}  // namespace cleanmail::outbox
