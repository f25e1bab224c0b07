#include "libs/http/server.h"

#include <optional>
#include <thread>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "libs/base/status_macros.h"
#include "libs/net/address.h"

namespace cleanmail::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

constexpr int kMostConnections = 64;
constexpr auto kRequestTime = std::chrono::seconds(10);

class BeastServer final : public Server {
 public:
  explicit BeastServer(Handler handler) : handler_(std::move(handler)) {}
  ~BeastServer() override {
    context_.stop();
    if (thread_.joinable()) thread_.join();
  }

  absl::Status Listen(const std::string& address) {
    CLEANMAIL_ASSIGN_OR_RETURN(const net::Endpoint endpoint, net::Endpoint::Parse(address));
    boost::system::error_code error;
    const auto ip = asio::ip::make_address(endpoint.address.ToString(), error);
    const tcp::endpoint at(ip, endpoint.port);
    if (!error) acceptor_.open(at.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(at, error);
    if (!error) acceptor_.listen(64, error);
    if (error)
      return absl::UnavailableError(base::Cat("cannot listen at ", address, ": ", error.message()));
    asio::co_spawn(context_, Accept(), asio::detached);
    port_ = acceptor_.local_endpoint().port();
    thread_ = std::thread([this] { context_.run(); });
    return absl::OkStatus();
  }

  uint16_t port() const override { return port_; }

 private:
  asio::awaitable<void> Accept() {
    while (true) {
      boost::system::error_code error;
      tcp::socket socket(context_);
      co_await acceptor_.async_accept(socket, asio::redirect_error(asio::use_awaitable, error));
      if (error == asio::error::operation_aborted) co_return;
      if (error) {  // out of descriptors, say
        asio::steady_timer pause(context_, std::chrono::milliseconds(100));
        co_await pause.async_wait(asio::redirect_error(asio::use_awaitable, error));
        continue;
      }
      if (connections_ >= kMostConnections) continue;
      ++connections_;
      asio::co_spawn(context_, Serve(beast::tcp_stream(std::move(socket))),
                     [this](std::exception_ptr) { --connections_; });
    }
  }

  asio::awaitable<void> Serve(beast::tcp_stream stream) {
    beast::flat_buffer buffer(16 * 1024);
    while (true) {
      boost::system::error_code error;
      beast::http::request_parser<beast::http::string_body> parser;
      parser.header_limit(8 * 1024);
      parser.body_limit(64 * 1024);
      stream.expires_after(kRequestTime);
      co_await beast::http::async_read(stream, buffer, parser,
                                       asio::redirect_error(asio::use_awaitable, error));
      if (error) break;
      beast::http::response<beast::http::string_body> response = AnswerTo(parser.get());
      const bool keep = response.keep_alive();
      stream.expires_after(kRequestTime);
      co_await beast::http::async_write(stream, response,
                                        asio::redirect_error(asio::use_awaitable, error));
      if (error || !keep) break;
    }
    boost::system::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_both, ignored);
  }

  beast::http::response<beast::http::string_body> AnswerTo(
      const beast::http::request<beast::http::string_body>& asked) {
    const std::string_view target(asked.target().data(), asked.target().size());
    const size_t mark = target.find('?');
    const Request request{.method = std::string(asked.method_string()),
                          .path = std::string(target.substr(0, mark)),
                          .query = mark == std::string_view::npos
                                       ? std::string()
                                       : std::string(target.substr(mark + 1)),
                          .body = asked.body()};
    const Response answer = handler_(request);
    beast::http::response<beast::http::string_body> response;
    response.version(asked.version());
    response.result(static_cast<unsigned>(answer.status));
    response.set(beast::http::field::content_type, answer.content_type);
    response.set("X-Content-Type-Options", "nosniff");
    response.keep_alive(asked.keep_alive());
    response.content_length(answer.body.size());
    if (asked.method() != beast::http::verb::head) response.body() = answer.body;
    return response;
  }

  const Handler handler_;
  int connections_ = 0;  // on the thread only
  uint16_t port_ = 0;
  asio::io_context context_{1};
  tcp::acceptor acceptor_{context_};
  std::thread thread_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Open(const std::string& address, Handler handler) {
  auto server = std::make_unique<BeastServer>(std::move(handler));
  CLEANMAIL_RETURN_IF_ERROR(server->Listen(address));
  return server;
}

}  // namespace cleanmail::http
