#include "libs/mail/smtp/shell/blocking_client.h"

#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"

namespace cleanmail::mail::smtp {

absl::StatusOr<std::unique_ptr<BlockingClient>> BlockingClient::Connect(const net::HostPort& server,
                                                                        ClientOptions options,
                                                                        absl::Duration patience,
                                                                        std::string_view opening) {
  sockaddr_in v4{};
  sockaddr_in6 v6{};
  const bool is_v4 = inet_pton(AF_INET, server.host.c_str(), &v4.sin_addr) == 1;
  if (!is_v4 && inet_pton(AF_INET6, server.host.c_str(), &v6.sin6_addr) != 1) {
    return absl::InvalidArgumentError(base::Cat(server.host, " is not an address"));
  }
  v4.sin_family = AF_INET;
  v6.sin6_family = AF_INET6;
  v4.sin_port = v6.sin6_port = htons(server.port);
  options.tls = TlsPolicy::kNever;
  const int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return absl::UnavailableError(base::Cat("socket: ", std::strerror(errno)));
  auto client =
      std::unique_ptr<BlockingClient>(new BlockingClient(fd, std::move(options), patience));
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  const auto* address =
      is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
  if (connect(fd, address, is_v4 ? sizeof v4 : sizeof v6) != 0) {
    return absl::UnavailableError(
        base::Cat("cannot connect to ", server.host, ":", server.port, ": ", std::strerror(errno)));
  }
  client->Write(opening);
  client->Drive({}, nullptr);
  if (client->usable()) return client;
  const auto& failure = client->machine_.failure();
  if (!failure.has_value() || failure->local)
    return absl::UnavailableError(
        base::Cat(server.host, ":", server.port, " does not speak SMTP now"));
  return absl::FailedPreconditionError(
      base::Cat("the server refused the conversation: ", ToText(failure->reply)));
}

BlockingClient::~BlockingClient() { close(fd_); }

std::vector<Outcome> BlockingClient::Send(Transaction transaction, std::string_view body) {
  std::vector<Outcome> outcomes;
  machine_.Begin(std::move(transaction));
  Drive(body, &outcomes);
  return outcomes;
}

void BlockingClient::Quit() {
  if (!usable()) return;
  machine_.Quit();
  Drive({}, nullptr);
}

void BlockingClient::Drive(std::string_view body, std::vector<Outcome>* outcomes) {
  bool body_given = false;
  for (;;) {
    if (!Write(machine_.TakeOutput())) machine_.Disconnected();
    if (body_given) {
      data_sent_ = absl::Now();
      body_given = false;
    }
    switch (machine_.want()) {
      case ClientWant::kInput: {
        const std::string bytes = Read();
        bytes.empty() ? machine_.Disconnected() : machine_.Feed(bytes);
        break;
      }
      case ClientWant::kBody:
        machine_.Body(body);
        machine_.EndBody();
        body_given = true;
        break;
      case ClientWant::kResult: {
        std::vector<Outcome> taken = machine_.TakeOutcomes();
        if (outcomes != nullptr) *outcomes = std::move(taken);
        break;
      }
      case ClientWant::kStartTls:
        machine_.TlsFailed("not offered here");
        break;
      case ClientWant::kTransaction:
      case ClientWant::kClosed:
        return;
    }
  }
}

bool BlockingClient::Write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

std::string BlockingClient::Read() {
  pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
  if (poll(&waiting, 1, static_cast<int>(absl::ToInt64Milliseconds(patience_))) <= 0) return "";
  char bytes[4096];
  const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
  return got > 0 ? std::string(bytes, static_cast<size_t>(got)) : "";
}

}  // namespace cleanmail::mail::smtp
