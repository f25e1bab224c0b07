#include "libs/app/run_main.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/crypto/fake_authority.h"

namespace cleanmail::app {
namespace {

std::string TextOf(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

bool Eventually(const std::string& path, std::string_view text) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (TextOf(path).find(text) == std::string::npos) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

// RunMain in a process of its own, which gets signals.
class RunMainTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/cleanmail_XXXXXX";
    folder_ = mkdtemp(folder);
    log_ = folder_ + "/data/log";
    const std::string config = folder_ + "/c.yaml";
    std::ofstream(config) << "app: {data_folder: " << folder_
                          << "/data, operations: {listen: 'off'}, log: {file: log}}\n";
    process_ = fork();
    if (process_ == 0) {
      std::string arguments[] = {"cleanmail", "--config", config};
      char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
      _exit(RunMain(3, argv, {{"policy", [](Environment&) -> absl::StatusOr<Service> {
                                 Service service("policy");
                                 service.OnDrain([](absl::Time deadline) {
                                   if (std::getenv("CLEANMAIL_TEST_SLOW") != nullptr)
                                     absl::SleepFor(deadline - absl::Now());
                                 });
                                 return service;
                               }}}));
    }
    ASSERT_TRUE(Eventually(log_, "process.started"));
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  int ExitCode() {
    int status = 0;
    waitpid(process_, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string folder_;
  std::string log_;
  pid_t process_ = -1;
};

TEST_F(RunMainTest, SigtermDrainsAndEndsWithZero) {
  kill(process_, SIGTERM);
  EXPECT_EQ(ExitCode(), 0);
  EXPECT_NE(TextOf(log_).find("process.stopped"), std::string::npos) << TextOf(log_);
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/data/cleanmail.sock"));
}

TEST_F(RunMainTest, SighupReopensTheLog) {
  std::filesystem::rename(log_, log_ + ".1");
  kill(process_, SIGHUP);
  EXPECT_TRUE(Eventually(log_, "process.reloaded"));
  kill(process_, SIGINT);
  EXPECT_EQ(ExitCode(), 0);
}

class SlowRunMainTest : public RunMainTest {
 protected:
  void SetUp() override {
    setenv("CLEANMAIL_TEST_SLOW", "1", 1);
    RunMainTest::SetUp();
    unsetenv("CLEANMAIL_TEST_SLOW");
  }
};

TEST_F(SlowRunMainTest, ASecondSignalDoesNotWaitForTheDrain) {
  const absl::Time began = absl::Now();
  kill(process_, SIGTERM);
  EXPECT_TRUE(Eventually(log_, "process.draining"));
  kill(process_, SIGTERM);
  EXPECT_EQ(ExitCode(), 1);
  EXPECT_LT(absl::Now() - began, absl::Seconds(8));
}

// A process of a cluster none of whose engines is there.
class WaitingRunMainTest : public ::testing::Test {
 protected:
  ~WaitingRunMainTest() override { std::filesystem::remove_all(folder_); }

  std::string folder_ = [] {
    char folder[] = "/tmp/cleanmail_XXXXXX";
    return std::string(mkdtemp(folder));
  }();
};

TEST_F(WaitingRunMainTest, SigtermEndsAProcessThatWaitsForItsEnginesAtOnce) {
  const auto files =
      crypto::FakeAuthority(folder_, "authority").Issue("policy", {"spiffe://cleanmail/policy"});
  const std::string config = folder_ + "/c.yaml";
  std::ofstream(config) << "app: {profile: cluster, data_folder: " << folder_
                        << "/data, operations: {listen: 'off'}, log: {file: log}, "
                           "rpc: {listen: '127.0.0.1:0', tls: {certificate: "
                        << files.certificate << ", key: " << files.key
                        << ", authority: " << files.authority
                        << "}}, kafka: {brokers: ['127.0.0.1:9']}}\n";
  const pid_t process = fork();
  if (process == 0) {
    std::string arguments[] = {"policy", "--config", config};
    char* argv[] = {arguments[0].data(), arguments[1].data(), arguments[2].data(), nullptr};
    _exit(RunMain(3, argv, {{"policy", [](Environment&) -> absl::StatusOr<Service> {
                               return Service("policy");
                             }}}));
  }
  EXPECT_TRUE(Eventually(folder_ + "/data/log", "process.waiting"))
      << TextOf(folder_ + "/data/log");
  const absl::Time began = absl::Now();
  kill(process, SIGTERM);
  int status = 0;
  waitpid(process, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_LT(absl::Now() - began, absl::Seconds(3));
  EXPECT_NE(TextOf(folder_ + "/data/log").find("Kafka"), std::string::npos);
}

}  // namespace
}  // namespace cleanmail::app
