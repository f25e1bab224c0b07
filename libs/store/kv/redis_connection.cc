#include "libs/store/kv/redis_connection.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace cleanmail::kv {
namespace {

absl::Status Lost(std::string_view why) {
  return absl::UnavailableError(base::Cat("Redis: ", why));
}

// Waits until `fd` is ready for `events`.
bool WaitFor(int fd, short events, absl::Time deadline) {
  const absl::Duration left = deadline - absl::Now();
  if (left <= absl::ZeroDuration()) return false;
  pollfd wait{.fd = fd, .events = events, .revents = 0};
  return poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) > 0;
}

RedisReply ToReply(const redisReply& given) {
  RedisReply reply;
  if (given.str != nullptr) reply.text.assign(given.str, given.len);
  switch (given.type) {
    case REDIS_REPLY_NIL:
      break;
    case REDIS_REPLY_INTEGER:
      reply.kind = RedisReply::Kind::kNumber;
      reply.number = given.integer;
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = RedisReply::Kind::kError;
      break;
    default:
      reply.kind = RedisReply::Kind::kText;
  }
  return reply;
}

}  // namespace

std::string RedisCommand(const std::vector<std::string_view>& arguments) {
  std::string command = base::Cat("*", arguments.size(), "\r\n");
  for (const std::string_view argument : arguments)
    command += base::Cat("$", argument.size(), "\r\n", argument, "\r\n");
  return command;
}

void RedisConnection::FreeReader::operator()(redisReader* reader) const { redisReaderFree(reader); }

RedisConnection::RedisConnection() = default;
RedisConnection::~RedisConnection() { Close(); }

void RedisConnection::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
  reader_.reset();
}

absl::Status RedisConnection::Connect(const std::string& host, const std::string& port,
                                      absl::Time deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0)
    return Lost(base::Cat(host, ": ", gai_strerror(error)));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(found, &freeaddrinfo);
  absl::Status status = Lost("no address");
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) {
    const int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) continue;
    int error = 0;
    socklen_t size = sizeof(error);
    if (connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
      error = errno;
      if (error == EINPROGRESS) {
        error = ETIMEDOUT;
        if (WaitFor(fd, POLLOUT, deadline)) getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      }
    }
    if (error == 0) {
      const int on = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
      setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
      fd_ = fd;
      reader_.reset(redisReaderCreate());
      return absl::OkStatus();
    }
    close(fd);
    status = Lost(base::Cat(host, ":", port, ": ", std::strerror(error)));
  }
  return status;
}

absl::Status RedisConnection::Ask(const std::vector<std::string_view>& arguments,
                                  absl::Time deadline, RedisReply& reply) {
  std::string bytes = RedisCommand(arguments);
  while (true) {
    CLEANMAIL_RETURN_IF_ERROR(Write(bytes));
    std::optional<RedisReply> next;
    CLEANMAIL_RETURN_IF_ERROR(Next(next));
    if (next) {
      reply = *std::move(next);
      return absl::OkStatus();
    }
    if (!WaitFor(fd_, bytes.empty() ? POLLIN : POLLOUT, deadline)) return Lost("no answer in time");
    if (bytes.empty()) CLEANMAIL_RETURN_IF_ERROR(Read());
  }
}

absl::Status RedisConnection::Open(const std::string& host, const std::string& port,
                                   const std::string& user, const std::string& password,
                                   absl::Duration most) {
  const absl::Time deadline = absl::Now() + most;
  Close();
  CLEANMAIL_RETURN_IF_ERROR(Connect(host, port, deadline));
  RedisReply reply;
  absl::Status status;
  if (!password.empty()) {
    std::vector<std::string_view> arguments = {"AUTH"};
    if (!user.empty()) arguments.push_back(user);
    arguments.push_back(password);
    status = Ask(arguments, deadline, reply);
    if (status.ok() && reply.kind == RedisReply::Kind::kError) status = Lost(reply.text);
  }
  // "master" or "slave" stands first; a server that loads its data answers with an error.
  if (status.ok()) status = Ask({"INFO", "replication"}, deadline, reply);
  if (status.ok() && reply.kind == RedisReply::Kind::kError) status = Lost(reply.text);
  if (status.ok() && reply.text.find("role:slave") != std::string::npos)
    status = Lost("a replica takes no writes");
  if (!status.ok()) Close();
  return status;
}

absl::Status RedisConnection::Write(std::string& bytes) {
  size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t sent = send(fd_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (sent > 0) {
      done += static_cast<size_t>(sent);
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      break;
    } else if (errno != EINTR) {
      return Lost(std::strerror(errno));
    }
  }
  bytes.erase(0, done);
  return absl::OkStatus();
}

absl::Status RedisConnection::Read() {
  std::array<char, 16 * 1024> bytes;
  while (true) {
    const ssize_t got = recv(fd_, bytes.data(), bytes.size(), 0);
    if (got > 0) {
      if (redisReaderFeed(reader_.get(), bytes.data(), static_cast<size_t>(got)) != REDIS_OK)
        return Lost("too much at once");
      if (static_cast<size_t>(got) < bytes.size()) return absl::OkStatus();
    } else if (got == 0) {
      return Lost("the connection was closed");
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return absl::OkStatus();
    } else if (errno != EINTR) {
      return Lost(std::strerror(errno));
    }
  }
}

absl::Status RedisConnection::Next(std::optional<RedisReply>& reply) {
  void* next = nullptr;
  if (redisReaderGetReply(reader_.get(), &next) != REDIS_OK) return Lost(reader_->errstr);
  if (next == nullptr) return absl::OkStatus();
  reply = ToReply(*static_cast<redisReply*>(next));
  freeReplyObject(next);
  return absl::OkStatus();
}

}  // namespace cleanmail::kv
