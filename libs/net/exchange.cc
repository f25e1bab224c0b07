#include "libs/net/exchange.h"

#include <utility>

#include "absl/time/clock.h"
#include "libs/net/connection.h"

namespace cleanmail::net {
namespace {

// A client that still sends when he has his answer is listened to a little: a socket closed on
// unread bytes takes the answer with it.
constexpr absl::Duration kLinger = absl::Seconds(2);

}  // namespace

// One connection; lives as long as its coroutine.
struct Exchanges::Conversation {
  Conversation(Exchanges& d, std::unique_ptr<Connection> c) : door(d), connection(std::move(c)) {
    admitted = door.open_.fetch_add(1) < door.options_.connections;
  }
  ~Conversation() { door.open_.fetch_sub(1); }

  Task<void> Run() {
    if (!admitted) co_return co_await Say(door.options_.busy);
    request = door.make_(connection->peer().address);
    if (request == nullptr || !co_await Read()) co_return;
    const std::string answer = co_await Answer();
    co_await Say(answer);
  }

  // False: there will be no request.
  Task<bool> Read() {
    const absl::Time deadline = absl::Now() + door.options_.request;
    while (true) {
      const absl::StatusOr<std::string_view> bytes = co_await connection->ReadSome(deadline);
      if (!bytes.ok()) co_return false;
      if (bytes->empty() || request->Take(*bytes)) co_return true;
    }
  }

  Task<std::string> Answer() {
    // Named, since gcc 12 destroys a temporary with captures in a co_await expression twice.
    auto start = [this](absl::AnyInvocable<void(std::string) &&> done) {
      door.workers_.Add([request = request, done = std::move(done)]() mutable {
        std::move(done)(request->Answer());
      });
    };
    co_return co_await Await<std::string>(connection->loop(), std::move(start));
  }

  Task<void> Say(const std::string& words) {
    if (!words.empty()) {
      const absl::Status written =
          co_await connection->Write(words, absl::Now() + door.options_.answer);
      if (!written.ok()) co_return;
    }
    connection->EndWriting();
    const absl::Time deadline = absl::Now() + kLinger;
    while (true) {
      const absl::StatusOr<std::string_view> rest = co_await connection->ReadSome(deadline);
      if (!rest.ok() || rest->empty()) co_return;
    }
  }

  Exchanges& door;
  const std::unique_ptr<Connection> connection;
  bool admitted = false;
  // Shared with the worker, which may be at it when the loops are stopped.
  std::shared_ptr<Request> request;
};

Exchanges::Exchanges(ExchangeOptions options, Make make)
    : options_(std::move(options)), make_(std::move(make)), workers_(options_.workers) {}

Exchanges::~Exchanges() { workers_.Stop(); }

void Exchanges::Take(std::unique_ptr<Connection> connection) {
  Loop& loop = connection->loop();
  auto conversation = std::make_unique<Conversation>(*this, std::move(connection));
  Spawn(loop,
        [conversation = std::move(conversation)]() -> Task<void> { return conversation->Run(); });
}

void Exchanges::Drain(absl::Time deadline) {
  while (open_.load() > 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
}

}  // namespace cleanmail::net
