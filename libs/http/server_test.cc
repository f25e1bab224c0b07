#include "libs/http/server.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libs/base/cat.h"

namespace cleanmail::http {
namespace {

// Sends `bytes` and returns all that comes back until the server closes.
std::string Exchange(uint16_t port, const std::string& bytes) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{.sin_family = AF_INET,
                 .sin_port = htons(port),
                 .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                 .sin_zero = {}};
  EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
  EXPECT_EQ(send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
  std::string all;
  char block[4096];
  for (ssize_t got = 0; (got = recv(fd, block, sizeof block, 0)) > 0;)
    all.append(block, static_cast<size_t>(got));
  close(fd);
  return all;
}

class ServerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Server> server_ = *Server::Open("127.0.0.1:0", [](const Request& request) {
    return Response{.status = request.path == "/gone" ? 404 : 200,
                    .body = base::Cat(request.method, " ", request.path, " ", request.query)};
  });
};

TEST_F(ServerTest, AnswersOverOneConnectionSeveralTimes) {
  const std::string all = Exchange(server_->port(),
                                   "GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n"
                                   "GET /gone HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n")) << all;
  EXPECT_NE(all.find("\r\n\r\nGET /a b=c"), std::string::npos) << all;
  EXPECT_NE(all.find("HTTP/1.1 404 Not Found\r\n"), std::string::npos) << all;
}

TEST_F(ServerTest, AHeadHasNoBody) {
  const std::string all =
      Exchange(server_->port(), "HEAD /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(all.ends_with("\r\n\r\n")) << all;
}

TEST_F(ServerTest, WhatIsNoRequestOrTooLargeIsClosed) {
  EXPECT_EQ(Exchange(server_->port(), "EHLO x\r\n\r\n"), "");
  EXPECT_EQ(Exchange(server_->port(), "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n"), "");
  EXPECT_EQ(Exchange(server_->port(), "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n"), "");
  EXPECT_NE(Exchange(server_->port(), "GET / HTTP/1.0\r\n\r\n"), "");
}

TEST(Server, ATakenPortIsNamed) {
  const auto first = *Server::Open("127.0.0.1:0", [](const Request&) { return Response{}; });
  const absl::Status status =
      Server::Open(base::Cat("127.0.0.1:", first->port()), [](const Request&) {
        return Response{};
      }).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(Server::Open("nowhere", [](const Request&) { return Response{}; }).ok());
}

}  // namespace
}  // namespace cleanmail::http
