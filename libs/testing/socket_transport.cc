#include "libs/testing/socket_transport.h"

#include <condition_variable>
#include <mutex>

#include "libs/net/address.h"
#include "libs/net/tls_context.h"

namespace cleanmail::testing {
namespace {

// Runs a coroutine on `loop` and waits for it. The mutex is the standard library's because the
// thread sanitizer sees through it.
template <class Body>
void RunOn(net::Loop& loop, Body body) {
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool is = false;
  };
  const auto done =
      std::make_shared<Done>();  // shared: the coroutine may still be notifying when this returns
  net::Spawn(loop, [&body, done]() -> net::Task<void> {
    co_await body();
    std::lock_guard lock(done->mutex);
    done->is = true;
    done->changed.notify_all();
  });
  std::unique_lock lock(done->mutex);
  done->changed.wait(lock, [&] { return done->is; });
}

}  // namespace

absl::StatusOr<std::unique_ptr<SocketTransport>> SocketTransport::Connect(net::Loops& loops,
                                                                          uint16_t port,
                                                                          absl::Duration patience) {
  std::unique_ptr<SocketTransport> transport(new SocketTransport(patience));
  transport->loop_ = &loops.Next();
  absl::Status status;
  RunOn(*transport->loop_, [&]() -> net::Task<void> {
    net::Endpoint to{.address = net::IpAddress::V4(0x7f000001), .port = port};
    auto connection = co_await net::Connect(*transport->loop_, to, absl::Now() + patience);
    status = connection.status();
    if (connection.ok()) transport->connection_ = *std::move(connection);
  });
  if (!status.ok()) return status;
  return transport;
}

SocketTransport::~SocketTransport() { Close(); }

void SocketTransport::Close() {
  RunOn(*loop_, [this]() -> net::Task<void> {
    connection_.reset();
    co_return;
  });
}

absl::Status SocketTransport::Send(std::string_view bytes) {
  absl::Status status;
  RunOn(*loop_, [&]() -> net::Task<void> {
    status = co_await connection_->Write(bytes, absl::Now() + patience_);
  });
  return status;
}

absl::StatusOr<std::string> SocketTransport::ReadLine() {
  size_t end;
  while ((end = buffer_.find("\r\n")) == std::string::npos) {
    absl::Status status;
    RunOn(*loop_, [&]() -> net::Task<void> {
      const absl::StatusOr<std::string_view> bytes =
          co_await connection_->ReadSome(absl::Now() + patience_);
      status = bytes.status();
      if (bytes.ok() && bytes->empty()) status = absl::OutOfRangeError("the server has closed");
      if (bytes.ok()) buffer_ += *bytes;
    });
    if (absl::IsUnavailable(status)) return absl::OutOfRangeError("the server has closed");
    if (!status.ok()) return status;
  }
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 2);
  return line;
}

absl::Status SocketTransport::StartTls() {
  absl::StatusOr<std::unique_ptr<net::TlsContext>> context =
      net::TlsContext::Client(net::TlsContext::Verify::kNone);
  if (!context.ok()) return context.status();
  buffer_.clear();
  absl::Status status;
  RunOn(*loop_, [&]() -> net::Task<void> {
    status =
        co_await connection_->StartTlsClient(**context, "mx.example.org", absl::Now() + patience_);
  });
  return status;
}

}  // namespace cleanmail::testing
