#include "services/cli/sample.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/smtp/client_machine.h"
#include "libs/net/host_port.h"

namespace cleanmail::cli {
namespace {

using mail::smtp::ClientMachine;
using mail::smtp::ClientWant;

constexpr int kPatienceMs = 60'000;

// A blocking TCP connection that closes itself.
class Socket {
 public:
  static absl::StatusOr<Socket> Connect(const net::HostPort& server) {
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    const bool is_v4 = inet_pton(AF_INET, server.host.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && inet_pton(AF_INET6, server.host.c_str(), &v6.sin6_addr) != 1) {
      return absl::InvalidArgumentError(base::Cat("--server: ", server.host, " is not an address"));
    }
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    v4.sin_port = v6.sin6_port = htons(server.port);
    Socket socket(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const auto* address = is_v4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    if (socket.fd_ < 0 || connect(socket.fd_, address, is_v4 ? sizeof v4 : sizeof v6) != 0) {
      return absl::UnavailableError(base::Cat("cannot connect to ", server.host, ":", server.port, ": ", std::strerror(errno), "; is the gateway running?"));
    }
    return socket;
  }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&&) = delete;
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }

  bool Write(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }
  std::string Read() {
    pollfd waiting{.fd = fd_, .events = POLLIN, .revents = 0};
    char bytes[4096];
    if (poll(&waiting, 1, kPatienceMs) <= 0) return "";
    const ssize_t got = recv(fd_, bytes, sizeof bytes, 0);
    return got > 0 ? std::string(bytes, static_cast<size_t>(got)) : "";
  }

 private:
  explicit Socket(int fd) : fd_(fd) {}
  int fd_;
};

std::string_view SubjectOf(const SampleOptions& options) {
  switch (options.sample) {
    case Sample::kClean: return options.smtp_utf8 ? "Grüße aus Zürich" : "Hello from a clean mail";
    case Sample::kGtube: return "A test of the spam filter";
    case Sample::kEicar: return "A test of the virus scanner";
  }
  return "";
}

// Each in two halves, so that this program is not itself taken for the sample.
std::string TextOf(Sample sample) {
  switch (sample) {
    case Sample::kClean: return "This mail is clean and should arrive.\r\n";
    case Sample::kGtube: return base::Cat("XJS*C4JDBQADN1.NSBN3*2IDNEN*", "GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n");
    case Sample::kEicar: return base::Cat("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-", "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\r\n");
  }
  return "";
}

}  // namespace

std::string MakeSample(const SampleOptions& options, absl::Time now) {
  const std::string date = absl::FormatTime("%a, %d %b %Y %H:%M:%S +0000", now, absl::UTCTimeZone());
  std::string mail = base::Cat("From: <", options.from, ">\r\nTo: <", options.to, ">\r\nSubject: ", SubjectOf(options), "\r\nDate: ", date,
                               "\r\nMessage-ID: <sample-", absl::ToUnixNanos(now), "@example.net>\r\nMIME-Version: 1.0\r\n");
  if (options.sample != Sample::kEicar) return base::Cat(mail, "Content-Type: text/plain; charset=utf-8\r\n\r\n", TextOf(options.sample));
  // The test file as an attachment of its own: engines look for it at a file's beginning.
  return base::Cat(mail, "Content-Type: multipart/mixed; boundary=sample\r\n\r\n--sample\r\nContent-Type: text/plain\r\n\r\nSee the attachment.\r\n",
                   "--sample\r\nContent-Type: application/octet-stream; name=eicar.com\r\nContent-Disposition: attachment; filename=eicar.com\r\n\r\n",
                   TextOf(options.sample), "--sample--\r\n");
}

absl::StatusOr<std::string> SendSample(const SampleOptions& options, absl::Time now) {
  CLEANMAIL_ASSIGN_OR_RETURN(const net::HostPort server, net::ParseHostPort(options.server, 25));
  CLEANMAIL_ASSIGN_OR_RETURN(Socket socket, Socket::Connect(server));
  const std::string mail = MakeSample(options, now);
  ClientMachine machine({.host_name = "sample.example.net", .tls = mail::smtp::TlsPolicy::kNever, .chunking = options.bdat});
  bool begun = false;
  std::string reply;
  bool delivered = false;
  for (;;) {
    if (!socket.Write(machine.TakeOutput())) machine.Disconnected();
    switch (machine.want()) {
      case ClientWant::kInput: {
        const std::string bytes = socket.Read();
        bytes.empty() ? machine.Disconnected() : machine.Feed(bytes);
        break;
      }
      case ClientWant::kTransaction:
        begun ? machine.Quit()
              : machine.Begin({.sender = options.from, .recipients = {options.to}, .smtp_utf8 = options.smtp_utf8, .eight_bit = options.smtp_utf8,
                               .size = static_cast<int64_t>(mail.size())});
        begun = true;
        break;
      case ClientWant::kBody:
        machine.Body(mail);
        machine.EndBody();
        break;
      case ClientWant::kResult:
        for (const mail::smtp::Outcome& outcome : machine.TakeOutcomes()) {
          reply = mail::smtp::ToText(outcome.reply);
          delivered = outcome.delivered();
        }
        break;
      case ClientWant::kStartTls:
      case ClientWant::kClosed:
        if (delivered) return reply;
        if (reply.empty() && machine.failure().has_value()) reply = mail::smtp::ToText(machine.failure()->reply);
        return absl::FailedPreconditionError(base::Cat("the server refused it: ", reply));
    }
  }
}

}  // namespace cleanmail::cli
