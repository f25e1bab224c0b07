#include "libs/store/kv/redis_kv_store.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "absl/strings/numbers.h"
#include "libs/base/random.h"
#include "libs/base/status_macros.h"
#include "libs/store/kv/memory_kv_store.h"
#include "libs/store/kv/redis_connection.h"

namespace cleanmail::kv {
namespace {

using std::chrono::milliseconds;
using Time = std::chrono::steady_clock::time_point;

constexpr milliseconds kHang(1000);  // without an answer the connection is dropped
constexpr milliseconds kFirstPause(20);
constexpr milliseconds kLongestPause(1000);
constexpr size_t kMostDeletes = 10'000;  // remembered while Redis is away

// Redis gives numbers to scripts as doubles: the value is read again as text.
constexpr char kAdd[] =
    "redis.call('INCRBY',KEYS[1],ARGV[1]) "
    "if redis.call('PTTL',KEYS[1])<0 then redis.call('PEXPIRE',KEYS[1],ARGV[2]) end "
    "return redis.call('GET',KEYS[1])";

struct Address {
  std::string host, port;
};

// A command on its way. Guarded by the store's mutex.
struct Waiting {
  explicit Waiting(std::string name = {}) : deletes(std::move(name)) {}
  const Time since = std::chrono::steady_clock::now();
  const std::string deletes;  // the name this deletes, if it does
  bool is_done = false;
  std::optional<RedisReply> reply;  // none when the connection was lost
  std::condition_variable done;
};

std::string Millis(absl::Duration life) {
  constexpr int64_t kMost = int64_t{1} << 53;
  return std::to_string(std::clamp<int64_t>(absl::ToInt64Milliseconds(life), 1, kMost));
}

Time Now() { return std::chrono::steady_clock::now(); }

class RedisStore final : public RedisKvStore {
 public:
  RedisStore(RedisOptions options, std::vector<Address> addresses, const base::Clock& clock)
      : options_(std::move(options)),
        addresses_(std::move(addresses)),
        clock_(clock),
        deadline_(absl::ToChronoMilliseconds(options_.deadline)),
        wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
        memory_(MakeMemoryKvStore(clock, options_.fallback_entries)) {
    thread_ = std::thread([this] { Run(); });
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoMilliseconds(options_.connect_timeout),
                      [this] { return tried_; });
  }

  ~RedisStore() override {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    Wake();
    thread_.join();
    close(wake_);
  }

  absl::StatusOr<std::string> Get(std::string_view key) override {
    const std::string name = Name(key);
    std::optional<RedisReply> reply = Ask({"GET", name});
    if (!reply || reply->kind == RedisReply::Kind::kError) return Memory()->Get(key);
    if (reply->kind == RedisReply::Kind::kNil)
      return absl::NotFoundError("kv: no such key, or it is over");
    return std::move(reply->text);
  }

  absl::Status Set(std::string_view key, std::string_view value, absl::Duration life) override {
    if (life <= absl::ZeroDuration()) return Delete(key);
    const std::string name = Name(key), millis = Millis(life);
    const std::optional<RedisReply> reply = Ask({"SET", name, value, "PX", millis});
    if (reply && reply->kind != RedisReply::Kind::kError) return absl::OkStatus();
    return Memory()->Set(key, value, life);
  }

  absl::Status Delete(std::string_view key) override {
    const std::string name = Name(key);
    const std::optional<RedisReply> reply = Ask({"UNLINK", name}, name);
    if (reply && reply->kind != RedisReply::Kind::kError) return absl::OkStatus();
    return Memory()->Delete(key);
  }

  absl::StatusOr<int64_t> Add(std::string_view key, int64_t amount, absl::Duration life) override {
    const std::string name = Name(key), number = std::to_string(amount), millis = Millis(life);
    const std::optional<RedisReply> reply = Ask({"EVAL", kAdd, "1", name, number, millis});
    int64_t value = 0;
    if (reply && reply->kind == RedisReply::Kind::kText && absl::SimpleAtoi(reply->text, &value))
      return value;
    if (reply && reply->text.find("not an integer") != std::string::npos)
      return absl::FailedPreconditionError("kv: the key holds no counter");
    if (reply && reply->text.find("would overflow") != std::string::npos)
      return absl::OutOfRangeError("kv: the counter is at its end");
    return Memory()->Add(key, amount, life);
  }

  bool degraded() const override {
    std::lock_guard lock(mutex_);
    return !usable();
  }
  int64_t fallbacks() const override { return fallbacks_; }

 private:
  std::string Name(std::string_view key) const { return base::Cat(options_.prefix, key); }

  // The memory of this outage.
  std::shared_ptr<KvStore> Memory() {
    ++fallbacks_;
    std::lock_guard lock(mutex_);
    return memory_;
  }

  // Connected, and the oldest question is not overdue: then nobody else need wait for nothing.
  bool usable() const {
    return connected_ && (waiting_.empty() || Now() - waiting_.front()->since <= deadline_);
  }

  std::optional<RedisReply> Ask(const std::vector<std::string_view>& arguments,
                                std::string deletes = {}) {
    const std::string command = RedisCommand(arguments);
    std::unique_lock lock(mutex_);
    if (!usable()) {
      if (!deletes.empty()) Remember(std::move(deletes));
      return std::nullopt;
    }
    const auto mine = std::make_shared<Waiting>(std::move(deletes));
    waiting_.push_back(mine);
    out_ += command;
    if (!awake_) {
      awake_ = true;
      Wake();
    }
    mine->done.wait_until(lock, mine->since + deadline_, [&mine] { return mine->is_done; });
    return std::move(mine->reply);
  }

  void Remember(std::string name) {
    if (deleted_.size() < kMostDeletes) deleted_.insert(std::move(name));
  }

  void Wake() {
    const uint64_t one = 1;
    (void)!write(wake_, &one, sizeof(one));
  }

  void Run() {
    milliseconds pause = kFirstPause;
    std::unique_lock lock(mutex_);
    while (!stopping_) {
      if (!connection_.is_open()) {
        lock.unlock();
        const bool opened = Open();
        lock.lock();
        tried_ = true;
        changed_.notify_all();
        if (opened) {
          pause = kFirstPause;
          Connected(lock);
          continue;
        }
        Sleep(lock, pause + pause * random_.Below(100) / 100);
        pause = std::min(pause * 2, kLongestPause);
        continue;
      }
      const absl::Status status = Serve(lock);
      if (!status.ok()) Disconnected(lock);
    }
    Disconnected(lock);
  }

  bool Open() {
    const Address& address = addresses_[next_address_ % addresses_.size()];
    const absl::Status status = connection_.Open(address.host, address.port, options_.user,
                                                 options_.password, options_.connect_timeout);
    if (!status.ok()) ++next_address_;
    return status.ok();
  }

  void Connected(std::unique_lock<std::mutex>& lock) {
    connected_ = true;
    memory_ = MakeMemoryKvStore(clock_, options_.fallback_entries);
    SendDeletes();
    Tell(lock, false);
  }

  // What was deleted while Redis was not asked must not come back.
  void SendDeletes() {
    for (const std::string& name : std::exchange(deleted_, {})) {
      out_ += RedisCommand({"UNLINK", name});
      waiting_.push_back(std::make_shared<Waiting>(name));
    }
  }

  void Disconnected(std::unique_lock<std::mutex>& lock) {
    connection_.Close();
    out_.clear();
    for (const std::shared_ptr<Waiting>& waiting : waiting_) {
      waiting->is_done = true;
      waiting->done.notify_one();
      if (!waiting->deletes.empty()) Remember(waiting->deletes);
    }
    waiting_.clear();
    if (std::exchange(connected_, false)) Tell(lock, true);
  }

  void Tell(std::unique_lock<std::mutex>& lock, bool degraded) {
    if (!options_.on_change) return;
    lock.unlock();
    options_.on_change(degraded);
    lock.lock();
  }

  void Sleep(std::unique_lock<std::mutex>& lock, milliseconds most) {
    lock.unlock();
    pollfd wait{.fd = wake_, .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, static_cast<int>(most.count())) > 0) TakeWake();
    lock.lock();
  }

  void TakeWake() {
    uint64_t count = 0;
    (void)!read(wake_, &count, sizeof(count));
  }

  // Sends what waits, takes what has come.
  absl::Status Serve(std::unique_lock<std::mutex>& lock) {
    unsent_ += std::exchange(out_, {});
    awake_ = false;
    if (!waiting_.empty() && Now() - waiting_.front()->since > kHang)
      return absl::UnavailableError("Redis hangs");
    lock.unlock();
    absl::Status status = connection_.Write(unsent_);
    if (status.ok()) {
      std::array<pollfd, 2> waits{
          {{.fd = wake_, .events = POLLIN, .revents = 0},
           {.fd = connection_.fd(),
            .events = static_cast<short>(unsent_.empty() ? POLLIN : POLLIN | POLLOUT),
            .revents = 0}}};
      poll(waits.data(), waits.size(), 100);
      if (waits[0].revents != 0) TakeWake();
      if (waits[1].revents != 0) status = connection_.Read();
    }
    lock.lock();
    while (status.ok()) {
      std::optional<RedisReply> reply;
      status = connection_.Next(reply);
      if (!reply) break;
      if (waiting_.empty()) return absl::UnavailableError("Redis answers what was not asked");
      // It has become a replica, or reads its data anew.
      if (reply->kind == RedisReply::Kind::kError &&
          (reply->text.starts_with("READONLY") || reply->text.starts_with("LOADING") ||
           reply->text.starts_with("MASTERDOWN"))) {
        return absl::UnavailableError(base::Cat("Redis: ", reply->text));
      }
      Waiting& waiting = *waiting_.front();
      waiting.reply = std::move(reply);
      waiting.is_done = true;
      waiting.done.notify_one();
      waiting_.pop_front();
    }
    if (status.ok() && !deleted_.empty() && usable()) SendDeletes();
    return status;
  }

  const RedisOptions options_;
  const std::vector<Address> addresses_;
  const base::Clock& clock_;
  const milliseconds deadline_;
  const int wake_;  // eventfd
  std::atomic<int64_t> fallbacks_{0};
  base::SystemRandom random_;
  // The thread's own.
  RedisConnection connection_;
  std::string unsent_;
  size_t next_address_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // All guarded by mutex_.
  bool stopping_ = false;
  bool tried_ = false;
  bool connected_ = false;
  bool awake_ = false;                            // the thread will look at `out_` by itself
  std::string out_;                               // commands not taken by the thread yet
  std::deque<std::shared_ptr<Waiting>> waiting_;  // in the order of their commands
  std::set<std::string, std::less<>> deleted_;    // while Redis was away
  std::shared_ptr<KvStore> memory_;               // shared: a call may use it while it is replaced
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<RedisKvStore>> OpenRedis(RedisOptions options,
                                                        const base::Clock& clock) {
  std::vector<Address> addresses;
  for (const std::string& address : options.addresses) {
    const size_t colon = address.rfind(':');
    if (colon == std::string::npos || colon == 0 || colon + 1 == address.size())
      return absl::InvalidArgumentError(base::Cat("Redis: not host:port: ", address));
    std::string host = address.substr(0, colon);
    if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
    addresses.push_back({std::move(host), address.substr(colon + 1)});
  }
  if (addresses.empty()) return absl::InvalidArgumentError("Redis: no address");
  return std::make_unique<RedisStore>(std::move(options), std::move(addresses), clock);
}

}  // namespace cleanmail::kv
