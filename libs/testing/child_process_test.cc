#include "libs/testing/child_process.h"

#include <csignal>

#include <gtest/gtest.h>

#include "libs/testing/free_port.h"

namespace cleanmail::testing {
namespace {

TEST(ChildProcess, RunsAProgramWithItsEnvironmentInItsFolder) {
  const std::string output = ::testing::TempDir() + "/child.txt";
  auto child = ChildProcess::Start({.argv = {"sh", "-c", "echo $FRUIT in $PWD; exit 3"},
                                    .env = {{"FRUIT", "pear"}},
                                    .folder = "/usr",
                                    .output = output});
  ASSERT_TRUE(child.ok()) << child.status();
  EXPECT_EQ(*child->Wait(absl::Seconds(10)), 3);
  EXPECT_EQ(OutputOf(output), "pear in /usr\n");
}

TEST(ChildProcess, SaysThatAProgramIsMissing) {
  EXPECT_EQ(ChildProcess::Start({.argv = {"/no/such/program"}}).status().code(),
            absl::StatusCode::kNotFound);
}

TEST(ChildProcess, EndsByASignalAndIsKilledWhenItIsForgotten) {
  pid_t pid = 0;
  {
    auto child = ChildProcess::Start({.argv = {"sleep", "1000"}});
    ASSERT_TRUE(child.ok()) << child.status();
    EXPECT_TRUE(child->running());
    EXPECT_EQ(child->Wait(absl::Milliseconds(10)).status().code(),
              absl::StatusCode::kDeadlineExceeded);
    child->Signal(SIGTERM);
    EXPECT_EQ(*child->Wait(absl::Seconds(10)), -SIGTERM);
    auto other = ChildProcess::Start({.argv = {"sleep", "1000"}});
    ASSERT_TRUE(other.ok());
    pid = other->pid();
  }
  EXPECT_NE(kill(pid, 0), 0);
}

TEST(FreePort, GivesPortsNobodyListensOn) {
  const uint16_t port = FreePort();
  EXPECT_NE(port, FreePort());
  EXPECT_FALSE(Listens(port));
}

}  // namespace
}  // namespace cleanmail::testing
