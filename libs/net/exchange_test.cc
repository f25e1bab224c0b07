#include "libs/net/exchange.h"

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/net/connection.h"
#include "libs/net/listener.h"
#include "libs/net/loops.h"

namespace cleanmail::net {
namespace {

// One line is a request; "wait" is answered when the test says so.
class Line final : public Request {
 public:
  Line(absl::Notification& begun, absl::Notification& gate) : begun_(begun), gate_(gate) {}
  bool Take(std::string_view bytes) override {
    line_ += bytes;
    return line_.find('\n') != line_.npos;
  }
  std::string Answer() override {
    if (line_ == "wait\n") {
      begun_.Notify();
      gate_.WaitForNotification();
    }
    return base::Cat("said ", line_);
  }

 private:
  absl::Notification& begun_;
  absl::Notification& gate_;
  std::string line_;
};

class ExchangeTest : public ::testing::Test {
 protected:
  void Open(std::string address, ExchangeOptions options = {}, bool welcome = true) {
    options.busy = "busy";
    door_ = std::make_unique<Exchanges>(
        options, [this, welcome](const IpAddress&) -> std::unique_ptr<Request> {
          return welcome ? std::make_unique<Line>(begun_, gate_) : nullptr;
        });
    auto opened =
        Listener::Open(*loops_, {.name = "door", .address = std::move(address)},
                       [this](std::unique_ptr<Connection> c) { door_->Take(std::move(c)); });
    ASSERT_TRUE(opened.ok()) << opened.status();
    listener_ = *std::move(opened);
  }
  ~ExchangeTest() override {
    if (!gate_.HasBeenNotified()) gate_.Notify();
    listener_.reset();
    loops_->Stop(absl::Now() + absl::Seconds(5));
  }

  int Dial() const {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(listener_->port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    return fd;
  }
  static std::string AnswerTo(int fd, std::string_view words, bool end = false) {
    EXPECT_EQ(send(fd, words.data(), words.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(words.size()));
    if (end) shutdown(fd, SHUT_WR);
    std::string all;
    char buffer[4096];
    for (ssize_t n = 0; (n = read(fd, buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<size_t>(n));
    close(fd);
    return all;
  }

  std::unique_ptr<Loops> loops_ = Loops::Create(2);
  absl::Notification begun_;
  absl::Notification gate_;
  std::unique_ptr<Exchanges> door_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(ExchangeTest, AnswersARequestAndCloses) {
  Open("127.0.0.1:0");
  EXPECT_EQ(AnswerTo(Dial(), "hello\n"), "said hello\n");
}

TEST_F(ExchangeTest, AnswersWhatCameWhenTheClientEndsHisSide) {
  Open("127.0.0.1:0");
  EXPECT_EQ(AnswerTo(Dial(), "hel", /*end=*/true), "said hel");
}

TEST_F(ExchangeTest, AnswersOthersWhileOneIsInTheMaking) {
  Open("127.0.0.1:0", {.workers = 2});
  const int slow = Dial();
  std::thread waiting([&] { EXPECT_EQ(AnswerTo(slow, "wait\n"), "said wait\n"); });
  for (int i = 0; i < 5; ++i) EXPECT_EQ(AnswerTo(Dial(), "hello\n"), "said hello\n");
  gate_.Notify();
  waiting.join();
}

TEST_F(ExchangeTest, ConnectionsBeyondTheLimitHearThatItIsBusy) {
  Open("127.0.0.1:0", {.connections = 1, .workers = 1});
  const int slow = Dial();
  std::thread waiting([&] { EXPECT_EQ(AnswerTo(slow, "wait\n"), "said wait\n"); });
  begun_.WaitForNotification();
  std::string heard;
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (heard != "busy" && absl::Now() < deadline) heard = AnswerTo(Dial(), "", true);
  EXPECT_EQ(heard, "busy");
  gate_.Notify();
  waiting.join();
}

TEST_F(ExchangeTest, AClientTooSlowGetsNothing) {
  Open("127.0.0.1:0", {.request = absl::Milliseconds(50)});
  EXPECT_EQ(AnswerTo(Dial(), "hel"), "");
}

TEST_F(ExchangeTest, AClientThatIsNotWelcomeIsClosed) {
  Open("127.0.0.1:0", {}, /*welcome=*/false);
  EXPECT_EQ(AnswerTo(Dial(), ""), "");
}

TEST_F(ExchangeTest, ListensAtAPathAndTakesOneLeftBehind) {
  const std::string path =
      base::Cat(std::filesystem::temp_directory_path().string(), "/exchange.", getpid(), ".sock");
  for (int round = 0; round < 2; ++round) {
    Open(base::Cat("unix:", path));
    const auto permissions = std::filesystem::status(path).permissions();
    EXPECT_EQ(static_cast<int>(permissions), 0660);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un to{};
    to.sun_family = AF_UNIX;
    path.copy(to.sun_path, sizeof to.sun_path - 1);
    ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    EXPECT_EQ(AnswerTo(fd, "hello\n"), "said hello\n");
    // Another one in use is left alone.
    EXPECT_FALSE(Listener::Open(*loops_, {.name = "other", .address = base::Cat("unix:", path)},
                                [](std::unique_ptr<Connection>) {})
                     .ok());
    listener_.reset();
    EXPECT_FALSE(std::filesystem::exists(path));
    // As after a kill: the path is there, and nobody answers.
    const int dead = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(bind(dead, reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    close(dead);
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace cleanmail::net
