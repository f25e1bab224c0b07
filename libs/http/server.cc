#include "libs/http/server.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/net/address.h"
#include "libs/net/tls_context.h"

namespace cleanmail::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using asio::local::stream_protocol;
using Parser = beast::http::request_parser<beast::http::string_body>;
using BeastResponse = beast::http::response<beast::http::string_body>;
using UnixStream = beast::basic_stream<stream_protocol>;
using TlsStream = beast::ssl_stream<beast::tcp_stream>;

constexpr std::string_view kUnixPrefix = "unix:";

// The status for what the parser did not take; 0: the peer is gone, nobody is to be told.
int RefusalOf(const boost::system::error_code& error) {
  using Wrong = beast::http::error;
  if (error == Wrong::header_limit || error == Wrong::buffer_overflow) return 431;
  if (error == Wrong::body_limit) return 413;
  if (error == beast::error::timeout) return 408;
  if (error.category() != beast::http::make_error_code(Wrong::end_of_stream).category()) return 0;
  return error == Wrong::end_of_stream || error == Wrong::partial_message ? 0 : 400;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

Request ToRequest(Parser& parser, const std::string& address) {
  auto& asked = parser.get();
  const std::string_view target(asked.target().data(), asked.target().size());
  const size_t mark = target.find('?');
  Request request{.method = std::string(asked.method_string()),
                  .path = std::string(target.substr(0, mark)),
                  .query = mark == std::string_view::npos ? std::string()
                                                          : std::string(target.substr(mark + 1)),
                  .body = std::move(asked.body()),
                  .address = address};
  for (const auto& field : asked) {
    request.headers.push_back({Lower({field.name_string().data(), field.name_string().size()}),
                               std::string(field.value())});
  }
  return request;
}

class BeastServer final : public Server {
 public:
  BeastServer(Handler handler, ServerOptions options)
      : handler_(std::move(handler)),
        options_(std::move(options)),
        pool_(static_cast<size_t>(std::max(1, options_.threads))) {}

  ~BeastServer() override {
    pool_.stop();
    pool_.join();
    context_.stop();
    if (thread_.joinable()) thread_.join();
    if (!socket_path_.empty()) unlink(socket_path_.c_str());
  }

  absl::Status Listen(const std::string& address) {
    CLEANMAIL_RETURN_IF_ERROR(address.starts_with(kUnixPrefix)
                                  ? ListenUnix(address.substr(kUnixPrefix.size()))
                                  : ListenTcp(address));
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

  uint16_t port() const override { return port_; }

  void Drain(absl::Time deadline) override {
    draining_.store(true);
    asio::post(context_, [this] {
      boost::system::error_code ignored;
      tcp_.close(ignored);
      unix_.close(ignored);
    });
    absl::MutexLock lock(&mutex_);
    mutex_.AwaitWithDeadline(absl::Condition(this, &BeastServer::Idle), deadline);
  }

 private:
  absl::Status ListenTcp(const std::string& address) {
    CLEANMAIL_ASSIGN_OR_RETURN(const net::Endpoint endpoint, net::Endpoint::Parse(address));
    boost::system::error_code error;
    const auto ip = asio::ip::make_address(endpoint.address.ToString(), error);
    const tcp::endpoint at(ip, endpoint.port);
    if (!error) tcp_.open(at.protocol(), error);
    if (!error) tcp_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) tcp_.bind(at, error);
    if (!error) tcp_.listen(128, error);
    if (error)
      return absl::UnavailableError(base::Cat("cannot listen at ", address, ": ", error.message()));
    port_ = tcp_.local_endpoint().port();
    asio::co_spawn(context_, Accept<tcp>(tcp_), asio::detached);
    return absl::OkStatus();
  }

  absl::Status ListenUnix(const std::string& path) {
    if (path.empty() || path.size() >= sizeof(sockaddr_un::sun_path)) {
      return absl::InvalidArgumentError(base::Cat("the socket ", path,
                                                  " has a path longer than a socket may have (",
                                                  sizeof(sockaddr_un::sun_path) - 1, " bytes)"));
    }
    unlink(path.c_str());
    boost::system::error_code error;
    unix_.open(stream_protocol(), error);
    // Closed to others from its first moment: the mode of a socket is that of its descriptor at
    // bind on Linux, less the umask.
    if (!error) fchmod(unix_.native_handle(), 0600);
    if (!error) unix_.bind(stream_protocol::endpoint(path), error);
    if (!error && chmod(path.c_str(), 0600) != 0)
      error = boost::system::error_code(errno, boost::system::system_category());
    if (!error) unix_.listen(128, error);
    if (error)
      return absl::UnavailableError(
          base::Cat("cannot make the socket ", path, ": ", error.message()));
    socket_path_ = path;
    asio::co_spawn(context_, Accept<stream_protocol>(unix_), asio::detached);
    return absl::OkStatus();
  }

  template <class Protocol>
  asio::awaitable<void> Accept(asio::basic_socket_acceptor<Protocol>& acceptor) {
    while (true) {
      boost::system::error_code error;
      typename Protocol::socket socket(context_);
      co_await acceptor.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (!acceptor.is_open()) co_return;
      if (error) {  // out of descriptors, say
        asio::steady_timer pause(context_, std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (connections_ >= options_.connections) continue;
      ++connections_;
      Begin(std::move(socket));
    }
  }

  void Begin(tcp::socket socket) {
    boost::system::error_code error;
    const auto peer = socket.remote_endpoint(error);
    const std::string address = error ? std::string("unknown") : peer.address().to_string();
    socket.set_option(tcp::no_delay(true), error);
    beast::tcp_stream stream(std::move(socket));
    auto ended = [this](std::exception_ptr) { --connections_; };
    if (options_.tls == nullptr) {
      asio::co_spawn(context_, Serve(std::move(stream), address), ended);
    } else {
      asio::co_spawn(context_, ServeTls(std::move(stream), address), ended);
    }
  }

  void Begin(stream_protocol::socket socket) {
    auto ended = [this](std::exception_ptr) { --connections_; };
    asio::co_spawn(context_, Serve(UnixStream(std::move(socket)), std::string()), ended);
  }

  asio::awaitable<void> ServeTls(beast::tcp_stream plain, std::string address) {
    // The context counts one more owner: Asio's wrapper gives its own back at its end.
    const std::shared_ptr<ssl_ctx_st> current = options_.tls->current();
    SSL_CTX_up_ref(current.get());
    asio::ssl::context context(current.get());
    TlsStream stream(std::move(plain), context);
    boost::system::error_code error;
    beast::get_lowest_layer(stream).expires_after(absl::ToChronoSeconds(options_.header_time));
    co_await stream.async_handshake(asio::ssl::stream_base::server,
                                    asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    co_await Serve(std::move(stream), std::move(address));
  }

  template <class Stream>
  asio::awaitable<void> Serve(Stream stream, std::string address) {
    beast::flat_buffer buffer(options_.header_bytes + 64 * 1024);
    while (!draining_.load()) {
      Parser parser;
      parser.header_limit(static_cast<uint32_t>(options_.header_bytes));
      parser.body_limit(options_.body_bytes);
      const boost::system::error_code error = co_await Read(stream, buffer, parser);
      if (error) {
        const int status = RefusalOf(error);
        // A connection that only waited is closed without a word.
        if (status != 0 && (status != 408 || buffer.size() > 0 || parser.got_some())) {
          BeastResponse refusal = ToBeast(RefusalTo(status), 11, false, false);
          co_await Write(stream, std::move(refusal));
        }
        break;
      }
      const unsigned version = parser.get().version();
      const bool keep = parser.get().keep_alive();
      const bool head = parser.get().method() == beast::http::verb::head;
      const Request request = ToRequest(parser, address);
      SetInHand(1);
      const Response response = co_await asio::co_spawn(pool_, Run(request), asio::use_awaitable);
      BeastResponse answer = ToBeast(response, version, keep && !draining_.load(), head);
      const bool written = co_await Write(stream, std::move(answer));
      SetInHand(-1);
      if (!written || !keep) break;
    }
    co_await Close(stream);
  }

  // Reads one request. Unlike Beast's own expiry, which closes the connection, a cancelled read
  // leaves it open to say why.
  template <class Stream>
  asio::awaitable<boost::system::error_code> Read(Stream& stream, beast::flat_buffer& buffer,
                                                  Parser& parser) {
    boost::system::error_code error;
    const auto watch = std::make_shared<Watch>(context_);
    beast::get_lowest_layer(stream).expires_never();
    Limit(stream, watch, options_.header_time);
    co_await beast::http::async_read_header(stream, buffer, parser,
                                            asio::redirect_error(asio::use_awaitable, error));
    if (!error) {
      Limit(stream, watch, options_.body_time);
      if (beast::iequals(parser.get()[beast::http::field::expect], "100-continue")) {
        BeastResponse go_on(beast::http::status::continue_, parser.get().version());
        co_await beast::http::async_write(stream, go_on,
                                          asio::redirect_error(asio::use_awaitable, error));
      }
      if (!error)
        co_await beast::http::async_read(stream, buffer, parser,
                                         asio::redirect_error(asio::use_awaitable, error));
    }
    watch->over = true;
    watch->timer.cancel();
    if (watch->late) error = beast::error::timeout;
    co_return error;
  }

  struct Watch {
    explicit Watch(asio::io_context& context) : timer(context) {}
    asio::steady_timer timer;
    bool over = false;
    bool late = false;
  };

  // Cancels what the stream is doing after `time`. The watch is shared with the timer's handler,
  // which may run after the stream is gone.
  template <class Stream>
  static void Limit(Stream& stream, const std::shared_ptr<Watch>& watch, absl::Duration time) {
    watch->timer.expires_after(absl::ToChronoMilliseconds(time));
    watch->timer.async_wait([&stream, watch](const boost::system::error_code& stopped) {
      if (stopped || watch->over) return;
      watch->late = true;
      beast::get_lowest_layer(stream).cancel();
    });
  }

  asio::awaitable<Response> Run(const Request& request) { co_return handler_(request); }

  template <class Stream>
  asio::awaitable<bool> Write(Stream& stream, BeastResponse response) {
    boost::system::error_code error;
    beast::get_lowest_layer(stream).expires_after(absl::ToChronoSeconds(options_.body_time));
    co_await beast::http::async_write(stream, response,
                                      asio::redirect_error(asio::use_awaitable, error));
    co_return !error;
  }

  asio::awaitable<void> Close(TlsStream& stream) {
    boost::system::error_code ignored;
    beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(1));
    co_await stream.async_shutdown(asio::redirect_error(asio::use_awaitable, ignored));
    beast::get_lowest_layer(stream).socket().shutdown(tcp::socket::shutdown_both, ignored);
  }
  template <class Stream>
  asio::awaitable<void> Close(Stream& stream) {
    boost::system::error_code ignored;
    stream.socket().shutdown(asio::socket_base::shutdown_both, ignored);
    co_return;
  }

  Response RefusalTo(int status) const {
    if (options_.refusal) return options_.refusal(status);
    return {.status = status, .body = base::Cat(status, " ", StatusWords(status), "\n")};
  }

  static BeastResponse ToBeast(const Response& answer, unsigned version, bool keep, bool head) {
    BeastResponse response;
    response.version(version);
    response.result(static_cast<unsigned>(answer.status));
    if (!answer.content_type.empty())
      response.set(beast::http::field::content_type, answer.content_type);
    response.set("X-Content-Type-Options", "nosniff");
    for (const Header& header : answer.headers) response.set(header.name, header.value);
    response.keep_alive(keep);
    if (answer.status != 304 && answer.status != 204) response.content_length(answer.body.size());
    if (!head) response.body() = answer.body;
    return response;
  }

  void SetInHand(int change) {
    absl::MutexLock lock(&mutex_);
    in_hand_ += change;
  }
  bool Idle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return in_hand_ == 0; }

  const Handler handler_;
  const ServerOptions options_;
  std::atomic<bool> draining_{false};
  int connections_ = 0;  // on the thread only
  uint16_t port_ = 0;
  std::string socket_path_;
  absl::Mutex mutex_;
  int in_hand_ ABSL_GUARDED_BY(mutex_) = 0;
  asio::io_context context_{1};
  tcp::acceptor tcp_{context_};
  asio::basic_socket_acceptor<stream_protocol> unix_{context_};
  asio::thread_pool pool_;
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Open(const std::string& address, Handler handler,
                                                     ServerOptions options) {
  auto server = std::make_unique<BeastServer>(std::move(handler), std::move(options));
  CLEANMAIL_RETURN_IF_ERROR(server->Listen(address));
  return server;
}

}  // namespace cleanmail::http
