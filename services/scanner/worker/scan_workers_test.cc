#include "services/scanner/worker/scan_workers.h"

#include <algorithm>
#include <atomic>
#include <csignal>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "services/scanner/worker/worker_for_test.h"

namespace cleanmail::scanner::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const char kFoundEicar[] = "clamav MALWARE Local.EICAR.UNOFFICIAL";

class ScanWorkersTest : public ::testing::Test {
 protected:
  ScanWorkers& Workers() {
    if (workers_ == nullptr) {
      workers_ = std::make_unique<ScanWorkers>(
          options_, WorkerEvents{.ready = [](const v1::WorkerReady&) {},
                                 .could_not_start = [](const absl::Status&) {},
                                 .process_lost = [this](std::string_view) { ++lost_; }});
      const absl::Status ready = WaitReady(*workers_);
      if (!ready.ok()) {
        ADD_FAILURE() << ready;
        std::exit(1);  // every test would wait in vain
      }
    }
    return *workers_;
  }
  absl::StatusOr<v1::ScanAnswer> Scan(std::string_view message) {
    v1::ScanTask task;
    task.set_message_bytes(static_cast<int64_t>(message.size()));
    return Workers().Scan(task, {message});
  }
  // What was seen, "ENGINE FINDING evidence".
  std::vector<std::string> Seen(std::string_view message) {
    const auto answer = Scan(message);
    if (!answer.ok()) return {std::string(answer.status().ToString())};
    std::vector<std::string> all;
    for (const v1::Observation& one : answer->observations())
      all.push_back(base::Cat(one.engine(), " ", one.finding(), " ", one.evidence()));
    return all;
  }

  TestSignatures signatures_;
  WorkersOptions options_ = OptionsForTest(signatures_);
  std::atomic<int> lost_ = 0;
  std::unique_ptr<ScanWorkers> workers_;
};

TEST_F(ScanWorkersTest, BothEnginesFindWhatTheyKnowAndPassWhatTheyDoNot) {
  EXPECT_THAT(Seen("Subject: x\r\n\r\nHello.\r\n"), IsEmpty());
  EXPECT_THAT(Seen(base::Cat("Subject: x\r\n\r\n", Eicar(), "\r\n")), ElementsAre(kFoundEicar));
  EXPECT_THAT(Seen("Subject: x\r\n\r\nworm-mark\r\n"), ElementsAre("yara MALWARE WORM_MARK"));
  EXPECT_THAT(Seen("Subject: x\r\n\r\nhint-mark\r\n"),
              ElementsAre("yara SUSPICIOUS_FILE HINT_MARK"));
  const v1::WorkerReady state = Workers().state();
  ASSERT_EQ(state.engines_size(), 3);
  EXPECT_EQ(state.engines(0).signatures(), 1);
  EXPECT_EQ(state.engines(1).signatures(), 2);
  EXPECT_THAT(state.confined_by(), testing::Contains("seccomp"));
}

TEST_F(ScanWorkersTest, T_B7_AProcessThatScansCanNeitherConnectNorStartNorSignalNorReadFiles) {
  for (const auto& [what, name] : {std::pair{"CONNECT", "connect"},
                                   {"EXECUTE", "execute"},
                                   {"FORK", "fork"},
                                   {"SIGNAL", "signal"},
                                   {"CODE", "code"}}) {
    EXPECT_THAT(Seen(base::Cat("DRILL-", what)),
                ElementsAre(base::Cat("drill SUSPICIOUS_FILE ", name, ": Operation not permitted")))
        << what;
  }
  if (std::ranges::count(Workers().state().confined_by(), "landlock") > 0) {
    EXPECT_THAT(Seen("DRILL-READ"), ElementsAre("drill SUSPICIOUS_FILE read: Permission denied"));
  }
  if (std::ranges::count(Workers().state().confined_by(), "user nobody") > 0) {
    EXPECT_THAT(Seen("DRILL-USER"), ElementsAre("drill SUSPICIOUS_FILE user 65534"));
  }
}

TEST_F(ScanWorkersTest, T_B7_ACrashIsTheMessagesFaultAndTheNextOneIsScanned) {
  for (const std::string_view what : {"DRILL-CRASH", "DRILL-ABORT"}) {
    const auto answer = Scan(what);
    EXPECT_TRUE(absl::IsInternal(answer.status())) << answer.status();
    EXPECT_THAT(Seen(Eicar()), ElementsAre(kFoundEicar));
  }
  EXPECT_EQ(lost_, 2);
  EXPECT_TRUE(absl::IsInternal(Scan("DRILL-FAIL").status()));
}

TEST_F(ScanWorkersTest, T_B7_AMessageThatTakesAllMemoryFailsAndTheNextOneIsScanned) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "address space is not limited under a sanitizer";
#endif
  const auto answer = Scan("DRILL-MEMORY");
  EXPECT_TRUE(absl::IsInternal(answer.status())) << answer.status();
  EXPECT_THAT(Seen(Eicar()), ElementsAre(kFoundEicar));
}

TEST_F(ScanWorkersTest, T_B7_AMessageThatHangsIsGivenUpAndTheNextOneIsScanned) {
  options_.scan_deadline = absl::Milliseconds(300);
  for (const std::string_view what : {"DRILL-HANG", "DRILL-BUSY"}) {
    const auto answer = Scan(what);
    EXPECT_TRUE(absl::IsInternal(answer.status())) << answer.status();
    EXPECT_THAT(answer.status().ToString(), HasSubstr("longer than 300ms"));
  }
  EXPECT_THAT(Seen(Eicar()), ElementsAre(kFoundEicar));
}

TEST_F(ScanWorkersTest, AProgramThatIsKilledIsStartedAgain) {
  const int first = Workers().process_ids()[0];
  kill(first, SIGKILL);
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (absl::Now() < deadline &&
         (Workers().process_ids().empty() || Workers().process_ids()[0] == first))
    absl::SleepFor(absl::Milliseconds(5));
  EXPECT_THAT(Seen(Eicar()), ElementsAre(kFoundEicar));
}

TEST_F(ScanWorkersTest, AReloadTakesNewSignaturesWithoutAnyMessageWaiting) {
  EXPECT_THAT(Seen("new-worm"), IsEmpty());
  signatures_.Add("Local.New", "new-worm");
  Workers().Reload();
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (absl::Now() < deadline) {
    const auto seen = Seen("new-worm");
    if (!seen.empty()) break;
  }
  EXPECT_THAT(Seen("new-worm"), ElementsAre("clamav MALWARE Local.New.UNOFFICIAL"));
  EXPECT_EQ(lost_, 0);
}

TEST_F(ScanWorkersTest, WithoutAProgramOrSignaturesMessagesWait) {
  options_.setup.set_clamav_database(signatures_.folder() + "/nowhere");
  ScanWorkers workers(options_, {});
  EXPECT_TRUE(absl::IsUnavailable(workers.Scan(v1::ScanTask(), {""}).status()));
  EXPECT_FALSE(workers.Health().ok());
}

TEST_F(ScanWorkersTest, NothingIsLeftBehind) {
  EXPECT_THAT(Seen(Eicar()), ElementsAre(kFoundEicar));
  const std::vector<int> processes = Workers().process_ids();
  ASSERT_EQ(processes.size(), 2u);
  workers_.reset();
  const absl::Time deadline = absl::Now() + absl::Seconds(10);
  for (const int process : processes) {
    while (kill(process, 0) == 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
    EXPECT_NE(kill(process, 0), 0);
  }
}

}  // namespace
}  // namespace cleanmail::scanner::worker
