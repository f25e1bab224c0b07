#include "libs/net/listener.h"

#include <atomic>
#include <cerrno>
#include <cstring>

#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/net/connection.h"
#include "libs/net/prefix.h"
#include "libs/net/proxy_protocol.h"
#include "libs/net/socket_address.h"
#include "libs/net/unix_path.h"

namespace cleanmail::net {
namespace {

absl::Status CannotListen(const ListenOptions& options, int error) {
  std::string advice;
  switch (error) {
    case EADDRINUSE:
      advice = "; another program has the port: find it with `ss -ltnp`, or choose another port";
      break;
    case EACCES:
      advice =
          "; ports below 1024 need the right CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=)";
      break;
    case EADDRNOTAVAIL:
      advice = "; this machine does not have that address: see `ip addr`";
      break;
    default:
      break;
  }
  return absl::UnavailableError(base::Cat("listener \"", options.name, "\" cannot listen at ",
                                          options.address, ": ", std::strerror(error), advice));
}

absl::StatusOr<int> BoundSocket(const ListenOptions& options, const Endpoint& endpoint) {
  const SocketAddress address = ToSocketAddress(endpoint, /*mapped=*/false);
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return CannotListen(options, errno);
  const int yes = 1;
  const int no = 0;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (address.storage.ss_family == AF_INET6)
    setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof no);  // [::] is all
  if (bind(fd, address.get(), address.length) != 0 || listen(fd, options.backlog) != 0) {
    const int error = errno;
    close(fd);
    return CannotListen(options, error);
  }
  return fd;
}

absl::StatusOr<int> Bound(const ListenOptions& options) {
  const std::string name = base::Cat("listener \"", options.name, "\"");
  if (const auto path = UnixPath(options.address); path.has_value()) {
    absl::StatusOr<int> bound = ListenAtPath(*path, options.unix_mode, options.backlog);
    if (!bound.ok()) return base::Annotate(bound.status(), name);
    return bound;
  }
  const absl::StatusOr<Endpoint> endpoint = Endpoint::Parse(options.address);
  if (!endpoint.ok()) return base::Annotate(endpoint.status(), name);
  return BoundSocket(options, *endpoint);
}

// Reads a PROXY header and leaves what follows it unread.
Task<absl::Status> ReadProxyHeader(Connection& connection, absl::Time deadline) {
  std::string header;
  while (true) {
    const absl::StatusOr<std::string_view> seen = co_await connection.Peek(deadline);
    if (!seen.ok()) co_return seen.status();
    if (seen->empty()) co_return absl::UnavailableError("closed before its PROXY header");
    const size_t before = header.size();
    header.append(*seen);
    const absl::StatusOr<std::optional<ProxyHeader>> parsed = ParseProxyHeader(header);
    if (!parsed.ok()) co_return parsed.status();
    if (parsed->has_value()) {
      connection.Skip((*parsed)->length - before);
      if (const auto& ends = (*parsed)->ends; ends.has_value())
        connection.SetProxied(ends->source, ends->destination);
      co_return absl::OkStatus();
    }
    connection.Skip(header.size() - before);  // all of it is header
  }
}

}  // namespace

struct Listener::State : std::enable_shared_from_this<Listener::State> {
  State(Loops& l, Loop& a, ListenOptions o, ConnectionHandler h)
      : loops(l), accepting(a), options(std::move(o)), handler(std::move(h)), acceptor(a.io()) {}

  // Gives the connection to the handler unless the listener has been closed meanwhile.
  void Hand(std::unique_ptr<Connection> connection) {
    absl::ReaderMutexLock lock(&mutex);
    if (!closed) handler(std::move(connection));
  }

  Task<void> Proxied(std::unique_ptr<Connection> connection) {
    const absl::Status read =
        co_await ReadProxyHeader(*connection, absl::Now() + options.proxy_deadline);
    if (read.ok()) Hand(std::move(connection));
  }

  void Take(int fd, const Endpoint& peer) {
    Loop& loop = loops.Next();
    loop.Post([self = shared_from_this(), &loop, fd = std::make_unique<OwnedSocket>(fd), peer] {
      const int socket = fd->Release();
      auto connection = std::make_unique<Connection>(loop, socket, peer, LocalEndpoint(socket));
      if (!self->proxies.Contains(peer.address)) return self->Hand(std::move(connection));
      Spawn(loop, [self, connection = std::move(connection)]() mutable -> Task<void> {
        return self->Proxied(std::move(connection));
      });
    });
  }

  // A socket on its way to its loop, closed if it never gets there.
  struct OwnedSocket {
    explicit OwnedSocket(int f) : fd(f) {}
    ~OwnedSocket() {
      if (fd >= 0) close(fd);
    }
    int Release() { return std::exchange(fd, -1); }
    int fd;
  };

  // Accepts what waits. False: the process has no room for more sockets now.
  bool AcceptWaiting() {
    for (int i = 0; i < 64; ++i) {
      SocketAddress peer;
      const int fd =
          accept4(acceptor.native_handle(), peer.get(), &peer.length, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd >= 0) {
        Take(fd, FromSocketAddress(peer));
      } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
        return false;
      } else if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINVAL || errno == EBADF) {
        return true;
      }  // anything else was that one connection's bad luck
    }
    return true;
  }

  Task<void> Accept() {
    while (true) {
      boost::system::error_code error;
      co_await acceptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                                   boost::asio::redirect_error(boost::asio::use_awaitable, error));
      if (error || IsClosed()) co_return;
      if (!AcceptWaiting()) co_await Sleep(accepting, absl::Milliseconds(100));
    }
  }

  bool IsClosed() {
    absl::ReaderMutexLock lock(&mutex);
    return closed;
  }

  Loops& loops;
  Loop& accepting;
  const ListenOptions options;
  const ConnectionHandler handler;
  PrefixSet proxies;
  uint16_t port = 0;
  absl::Mutex mutex;
  bool closed ABSL_GUARDED_BY(mutex) = false;
  boost::asio::posix::stream_descriptor acceptor;  // touched on `accepting` only
};

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(Loops& loops, ListenOptions options,
                                                         ConnectionHandler handler) {
  absl::StatusOr<PrefixSet> proxies = PrefixSet::Parse(options.proxy_from);
  if (!proxies.ok())
    return base::Annotate(proxies.status(),
                          base::Cat("listener \"", options.name, "\", proxy_from"));
  CLEANMAIL_ASSIGN_OR_RETURN(const int fd, Bound(options));
  auto state = std::make_shared<State>(loops, loops.Next(), std::move(options), std::move(handler));
  state->acceptor.assign(fd);
  state->proxies = *std::move(proxies);
  state->port = LocalEndpoint(fd).port;
  // Not by Spawn: a listener that is still open is no work in hand that Loops::Stop would wait for.
  boost::asio::co_spawn(
      state->accepting.io(), [state]() { return state->Accept(); }, boost::asio::detached);
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::Listener(std::shared_ptr<State> state) : state_(std::move(state)) {}
Listener::~Listener() { Close(); }

void Listener::Close() {
  {
    absl::MutexLock lock(&state_->mutex);
    if (state_->closed) return;
    state_->closed = true;
  }
  shutdown(state_->acceptor.native_handle(),
           SHUT_RDWR);  // refuses new connections at once, from any thread
  if (const auto path = UnixPath(state_->options.address); path.has_value())
    unlink(std::string(*path).c_str());
  state_->accepting.Post([state = state_] {
    boost::system::error_code ignored;
    state->acceptor.close(ignored);
  });
}

uint16_t Listener::port() const { return state_->port; }
const std::string& Listener::name() const { return state_->options.name; }

}  // namespace cleanmail::net
