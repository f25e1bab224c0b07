#include "libs/http/server.h"

#include <filesystem>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/http/client.h"
#include "libs/net/fake_certificate.h"
#include "libs/net/tls_context.h"

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

TEST_F(ServerTest, WhatIsNoRequestOrTooLargeIsToldAndClosed) {
  const auto port = server_->port();
  EXPECT_TRUE(Exchange(port, "EHLO x\r\n\r\n").starts_with("HTTP/1.1 400 "));
  EXPECT_TRUE(Exchange(port, "GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n\r\n")
                  .starts_with("HTTP/1.1 431 "));
  EXPECT_TRUE(Exchange(port, "POST / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n")
                  .starts_with("HTTP/1.1 413 "));
  EXPECT_TRUE(Exchange(port,
                       "POST / HTTP/1.1\r\nContent-Length: 3\r\n"
                       "Transfer-Encoding: chunked\r\n\r\nabc")
                  .starts_with("HTTP/1.1 400 "));
  EXPECT_NE(Exchange(port, "GET / HTTP/1.0\r\n\r\n"), "");
}

TEST_F(ServerTest, WhoAsksForLeaveToSendABodyGetsIt) {
  const std::string all = Exchange(server_->port(),
                                   "POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n"
                                   "Expect: 100-continue\r\nConnection: close\r\n\r\n");
  EXPECT_TRUE(all.starts_with("HTTP/1.1 100 Continue\r\n")) << all;
  EXPECT_NE(all.find("HTTP/1.1 200 OK\r\n"), std::string::npos) << all;
}

TEST(Server, ASlowRequestIsGivenUp) {
  const auto server = *Server::Open("127.0.0.1:0", [](const Request&) { return Response{}; },
                                    {.header_time = absl::Milliseconds(300)});
  EXPECT_TRUE(Exchange(server->port(), "GET / HT").starts_with("HTTP/1.1 408 "));
  EXPECT_EQ(Exchange(server->port(), ""), "");
}

TEST(Server, HandlersRunSideBySideAndSeeHeadersAndThePeer) {
  absl::Barrier* both = new absl::Barrier(2);  // deletes itself
  const auto server =
      *Server::Open("127.0.0.1:0",
                    [&](const Request& request) {
                      if (both->Block()) delete both;
                      return Response{.body = base::Cat(request.Find("x-one"), request.address),
                                      .headers = {{"x-two", "2"}}};
                    },
                    {.threads = 2});
  std::string first;
  const auto ask = [&] {
    return Exchange(server->port(), "GET / HTTP/1.1\r\nX-One: 1\r\nConnection: close\r\n\r\n");
  };
  std::thread other([&] { first = ask(); });
  const std::string second = ask();
  other.join();
  for (const std::string& all : {first, second}) {
    EXPECT_TRUE(all.ends_with("\r\n\r\n1127.0.0.1")) << all;
    EXPECT_NE(all.find("\r\nx-two: 2\r\n"), std::string::npos) << all;
  }
}

TEST(Server, AUnixSocketIsClosedToOthersAndGoesWithTheServer) {
  char folder[] = "/tmp/cleanmail_http_XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = base::Cat(folder, "/s");
  {
    const auto server = *Server::Open(base::Cat("unix:", path), [](const Request& request) {
      return Response{.body = base::Cat(request.method, request.body, "|", request.address)};
    });
    struct stat s {};
    ASSERT_EQ(stat(path.c_str(), &s), 0);
    EXPECT_EQ(s.st_mode & 0777, 0600u);
    const auto answer =
        Fetch({.method = "POST", .url = "http://local/", .body = "abc", .unix_socket = path});
    ASSERT_TRUE(answer.ok()) << answer.status();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POSTabc|");
  }
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_EQ(Fetch({.url = "http://local/", .unix_socket = path}).status().code(),
            absl::StatusCode::kUnavailable);
  std::filesystem::remove_all(folder);
}

TEST(Server, TlsIsCheckedByTheClient) {
  const char* const folder = std::getenv("TEST_TMPDIR");
  const net::CertificateFiles files = net::MakeFakeCertificate(folder, "server", {"localhost"});
  const auto tls = *net::TlsContext::Server({files});
  const auto server = *Server::Open(
      "127.0.0.1:0", [](const Request&) { return Response{.body = "secret"}; }, {.tls = tls.get()});
  const std::string url = base::Cat("https://localhost:", server->port(), "/");
  const auto answer = Fetch({.url = url, .ca_file = files.chain_file});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->body, "secret");
  EXPECT_EQ(Fetch({.url = url}).status().code(), absl::StatusCode::kUnavailable);
}

TEST(Server, DrainingLetsWhatIsInHandEndAndTakesNoMore) {
  absl::Notification begun;
  absl::Notification go_on;
  const auto server = *Server::Open("127.0.0.1:0", [&](const Request&) {
    begun.Notify();
    go_on.WaitForNotification();
    return Response{.body = "done"};
  });
  std::string all;
  std::thread client([&] { all = Exchange(server->port(), "GET / HTTP/1.1\r\n\r\n"); });
  begun.WaitForNotification();
  std::thread drainer([&] { server->Drain(absl::Now() + absl::Seconds(20)); });
  go_on.Notify();
  drainer.join();
  client.join();
  EXPECT_TRUE(all.ends_with("done")) << all;
  EXPECT_EQ(Fetch({.url = base::Cat("http://127.0.0.1:", server->port(), "/")}).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST(Escaped, LeavesOnlyWhatMayStandInASegment) {
  EXPECT_EQ(Escaped("a b/ä?~"), "a%20b%2F%C3%A4%3F~");
  EXPECT_EQ(Escaped("a@b/c", "/@"), "a@b/c");
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
