#include "libs/net/connection.h"

#include <cerrno>
#include <chrono>
#include <cstring>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/net/loop_core.h"
#include "libs/net/socket_address.h"

namespace cleanmail::net {
namespace {

using Steady = std::chrono::steady_clock;
using LoopExecutor = boost::asio::io_context::executor_type;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, LoopExecutor>;
using Timer =
    boost::asio::basic_waitable_timer<Steady, boost::asio::wait_traits<Steady>, LoopExecutor>;

constexpr int kMostReadsInARow = 16;

absl::Status Gone(std::string_view what, int error) {
  return absl::UnavailableError(base::Cat(what, ": ", std::strerror(error)));
}

// What OpenSSL last said, in words.
std::string TlsReason() {
  const unsigned long code = ERR_peek_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  ERR_clear_error();
  return reason == nullptr ? "the peer broke off" : reason;
}

}  // namespace

struct Connection::Core final : ConnectionLink, std::enable_shared_from_this<Connection::Core> {
  Core(Loop& l, const Endpoint& p, const Endpoint& o)
      : loop(l), socket(l.io().get_executor()), timer(l.io().get_executor()), peer(p), local(o) {}
  ~Core() {
    if (ssl != nullptr) SSL_free(ssl);
  }

  void CloseNow() override { Close(); }

  void Close() {
    if (closed) return;
    closed = true;
    if (ssl != nullptr && handshaken && !failed) {
      ERR_clear_error();
      SSL_shutdown(ssl);  // says close_notify if the socket takes it at once
      ERR_clear_error();
    }
    boost::system::error_code ignored;
    socket.close(ignored);
    timer.cancel();
  }

  // Sees to it that a wait ends at `deadline`. One timer serves all waits: it is set anew only for
  // an earlier end, and when it fires too early it sets itself again.
  void Watch(absl::Time until) {
    if (until == absl::InfiniteFuture()) {
      deadline = Steady::time_point::max();
      return;
    }
    const absl::Duration left =
        std::clamp(until - absl::Now(), absl::ZeroDuration(), absl::Hours(24 * 365));
    deadline = Steady::now() + absl::ToChronoNanoseconds(left);
    if (!timer_set || timer_at > deadline) SetTimer();
  }
  void SetTimer() {
    timer_set = true;
    timer_at = deadline;
    timer.expires_at(deadline);
    timer.async_wait([self = shared_from_this()](const boost::system::error_code& error) {
      if (error || self->closed) return;
      self->timer_set = false;
      if (!self->waiting || self->deadline == Steady::time_point::max()) return;
      if (Steady::now() < self->deadline) return self->SetTimer();
      self->timed_out = true;
      boost::system::error_code ignored;
      self->socket.cancel(ignored);
    });
  }

  // Waits until the socket can be read or written.
  Task<absl::Status> Wait(Socket::wait_type what, absl::Time until) {
    if (closed) co_return absl::CancelledError("the connection was closed");
    Watch(until);
    waiting = true;
    reads_in_a_row = 0;
    boost::system::error_code error;
    const std::shared_ptr<Core> alive = shared_from_this();
    co_await socket.async_wait(what,
                               boost::asio::redirect_error(boost::asio::use_awaitable, error));
    waiting = false;
    if (closed) co_return absl::CancelledError("the connection was closed");
    if (timed_out) {
      timed_out = false;
      co_return absl::DeadlineExceededError(what == Socket::wait_read ? "nothing came in time"
                                                                      : "the peer does not read");
    }
    if (error) co_return absl::UnavailableError(base::Cat("waiting: ", error.message()));
    co_return absl::OkStatus();
  }

  // Waits for what OpenSSL wants after `result`, or says why it has failed.
  Task<absl::Status> WaitForTls(int result, std::string_view doing, absl::Time until) {
    const int error = SSL_get_error(ssl, result);
    if (error == SSL_ERROR_WANT_READ) co_return co_await Wait(Socket::wait_read, until);
    if (error == SSL_ERROR_WANT_WRITE) co_return co_await Wait(Socket::wait_write, until);
    failed = true;
    co_return absl::UnavailableError(base::Cat(doing, ": ", TlsReason()));
  }

  Task<absl::Status> Handshake(const TlsContext& from, bool server, std::string host,
                               absl::Time until) {
    CLEANMAIL_CHECK(ssl == nullptr, "TLS is started once");
    tls_context = from.current();
    ssl = SSL_new(tls_context.get());
    if (ssl == nullptr || SSL_set_fd(ssl, socket.native_handle()) != 1)
      co_return absl::ResourceExhaustedError("OpenSSL");
    if (server) {
      SSL_set_accept_state(ssl);
    } else {
      SSL_set_connect_state(ssl);
      // RFC 6066 §3: a literal address is not a name.
      if (!host.empty() && !IpAddress::Parse(host).ok())
        SSL_set_tlsext_host_name(ssl, host.c_str());
      if (from.verify() == TlsContext::Verify::kRequire && host.empty())
        co_return absl::InvalidArgumentError("no name to check the certificate against");
      if (from.verify() != TlsContext::Verify::kNone) ExpectName(host);
    }
    while (true) {
      ERR_clear_error();
      const int result = SSL_do_handshake(ssl);
      if (result == 1) break;
      absl::Status status = co_await WaitForTls(result, "TLS handshake", until);
      if (!status.ok()) {
        failed = true;
        co_return status;
      }
    }
    handshaken = true;
    verified = !server && from.verify() != TlsContext::Verify::kNone &&
               SSL_get_verify_result(ssl) == X509_V_OK && SSL_get0_peer_certificate(ssl) != nullptr;
    co_return absl::OkStatus();
  }

  // The certificate must be for this name or address.
  void ExpectName(const std::string& host) {
    if (IpAddress::Parse(host).ok()) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host.c_str());
    } else {
      SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
      SSL_set1_host(ssl, host.c_str());
    }
  }

  Loop& loop;
  Socket socket;
  Timer timer;
  Endpoint peer;
  Endpoint local;
  SSL* ssl = nullptr;
  std::shared_ptr<SSL_CTX> tls_context;
  Steady::time_point deadline;
  Steady::time_point timer_at;
  bool timer_set = false;
  bool waiting = false;
  bool timed_out = false;
  bool closed = false;
  bool drained = true;  // the last read took all there was
  bool handshaken = false;
  bool verified = false;
  int reads_in_a_row = 0;
  bool failed = false;  // TLS is past saying goodbye
};

Connection::Connection(Loop& loop, int socket, const Endpoint& peer, const Endpoint& local)
    : core_(std::make_shared<Core>(loop, peer, local)) {
  boost::system::error_code error;
  core_->socket.assign(
      local.address.is_v4() ? boost::asio::ip::tcp::v4() : boost::asio::ip::tcp::v6(), socket,
      error);
  if (error) {
    ::close(socket);
    core_->closed = true;
  }
  const int yes = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  loop.core_->Link(*core_);
}

Connection::~Connection() {
  Loop::Core::Unlink(*core_);
  core_->Close();
}

Task<absl::StatusOr<std::string_view>> Connection::ReadSome(absl::Time deadline) {
  Core& core = *core_;
  // Who always has something to read must not keep the loop from others.
  if (++core.reads_in_a_row >= kMostReadsInARow) {
    core.reads_in_a_row = 0;
    const std::shared_ptr<Core> alive = core_;
    co_await boost::asio::post(core.loop.io(), boost::asio::use_awaitable);
  }
  const std::span<char> scratch = core.loop.scratch();
  while (true) {
    if (core.closed) co_return absl::CancelledError("the connection was closed");
    if (core.handshaken) {
      ERR_clear_error();
      const int got = SSL_read(core.ssl, scratch.data(), static_cast<int>(scratch.size()));
      if (got > 0) co_return std::string_view(scratch.data(), static_cast<size_t>(got));
      if (SSL_get_error(core.ssl, got) == SSL_ERROR_ZERO_RETURN) co_return std::string_view();
      absl::Status status = co_await core.WaitForTls(got, "reading TLS", deadline);
      if (!status.ok()) co_return status;
      continue;
    }
    if (core.drained) {
      absl::Status status = co_await core.Wait(Socket::wait_read, deadline);
      if (!status.ok()) co_return status;
    }
    const ssize_t got = recv(core.socket.native_handle(), scratch.data(), scratch.size(), 0);
    core.drained = got < static_cast<ssize_t>(scratch.size());
    if (got >= 0) co_return std::string_view(scratch.data(), static_cast<size_t>(got));
    if (errno != EAGAIN && errno != EINTR) co_return Gone("reading", errno);
  }
}

Task<absl::StatusOr<std::string_view>> Connection::Peek(absl::Time deadline) {
  Core& core = *core_;
  const std::span<char> scratch = core.loop.scratch();
  while (true) {
    absl::Status status = co_await core.Wait(Socket::wait_read, deadline);
    if (!status.ok()) co_return status;
    const ssize_t got = recv(core.socket.native_handle(), scratch.data(), scratch.size(), MSG_PEEK);
    if (got >= 0) co_return std::string_view(scratch.data(), static_cast<size_t>(got));
    if (errno != EAGAIN && errno != EINTR) co_return Gone("reading", errno);
  }
}

void Connection::Skip(size_t count) {
  Core& core = *core_;
  const ssize_t got = recv(core.socket.native_handle(), core.loop.scratch().data(), count, 0);
  CLEANMAIL_CHECK(got == static_cast<ssize_t>(count), "bytes that were seen can be taken");
  core.drained = false;
}

Task<absl::Status> Connection::Write(std::string_view bytes, absl::Time deadline) {
  Core& core = *core_;
  while (!bytes.empty()) {
    if (core.closed) co_return absl::CancelledError("the connection was closed");
    if (core.handshaken) {
      ERR_clear_error();
      const int put = SSL_write(core.ssl, bytes.data(),
                                static_cast<int>(std::min<size_t>(bytes.size(), 1 << 20)));
      if (put > 0) {
        bytes.remove_prefix(static_cast<size_t>(put));
        continue;
      }
      absl::Status status = co_await core.WaitForTls(put, "writing TLS", deadline);
      if (!status.ok()) co_return status;
      continue;
    }
    const ssize_t put = send(core.socket.native_handle(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (put >= 0) {
      bytes.remove_prefix(static_cast<size_t>(put));
      continue;
    }
    if (errno == EINTR) continue;
    if (errno != EAGAIN) co_return Gone("writing", errno);
    absl::Status status = co_await core.Wait(Socket::wait_write, deadline);
    if (!status.ok()) co_return status;
  }
  co_return absl::OkStatus();
}

Task<absl::Status> Connection::StartTlsServer(const TlsContext& context, absl::Time deadline) {
  return core_->Handshake(context, true, {}, deadline);
}

Task<absl::Status> Connection::StartTlsClient(const TlsContext& context, std::string host,
                                              absl::Time deadline) {
  return core_->Handshake(context, false, std::move(host), deadline);
}

void Connection::EndWriting() {
  boost::system::error_code ignored;
  core_->socket.shutdown(Socket::shutdown_send, ignored);
}

void Connection::Close() { core_->Close(); }
const Endpoint& Connection::peer() const { return core_->peer; }
const Endpoint& Connection::local() const { return core_->local; }
bool Connection::is_tls() const { return core_->handshaken; }
bool Connection::tls_verified() const { return core_->verified; }
Loop& Connection::loop() const { return core_->loop; }

std::string Connection::tls() const {
  if (!core_->handshaken) return {};
  return base::Cat(SSL_get_version(core_->ssl), " ", SSL_get_cipher_name(core_->ssl));
}

void Connection::SetProxied(const Endpoint& peer, const Endpoint& local) {
  core_->peer = peer;
  core_->local = local;
}

Task<absl::StatusOr<std::unique_ptr<Connection>>> Connect(Loop& loop, Endpoint to,
                                                          absl::Time deadline,
                                                          std::optional<IpAddress> from) {
  const SocketAddress address = ToSocketAddress(to, /*mapped=*/false);
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) co_return Gone("opening a socket", errno);
  // Owned from here: closed when the coroutine returns an error.
  auto connection = std::make_unique<Connection>(loop, fd, to, to);
  const auto failed = [&to](int error) {
    return Gone(base::Cat("connecting to ", to.ToString()), error);
  };
  if (from.has_value()) {
    const int later = 1;  // the port is chosen with the destination known: more connections fit
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &later, sizeof later);
    const SocketAddress source = ToSocketAddress({.address = *from, .port = 0}, /*mapped=*/false);
    if (bind(fd, source.get(), source.length) != 0)
      co_return Gone(base::Cat("using the source address ", from->ToString()), errno);
  }
  if (connect(fd, address.get(), address.length) != 0) {
    if (errno != EINPROGRESS) co_return failed(errno);
    const absl::Status waited = co_await connection->core_->Wait(Socket::wait_write, deadline);
    if (!waited.ok()) co_return base::Annotate(waited, base::Cat("connecting to ", to.ToString()));
    int error = 0;
    socklen_t length = sizeof error;
    getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0) co_return failed(error);
  }
  connection->core_->local = LocalEndpoint(fd);
  co_return connection;
}

}  // namespace cleanmail::net
