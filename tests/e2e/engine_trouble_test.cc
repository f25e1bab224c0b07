// The malware engine is away or hangs: mail is taken, waits, and nothing is delivered unscanned
// (T-B9).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/malware/clamd_daemon.h"
#include "tests/e2e/gateway.h"

namespace cleanmail::e2e {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

class EngineTrouble : public ::testing::Test {
 protected:
  EngineTrouble() {
    clamd_.Start();
    gateway_ = std::make_unique<Gateway>(Gateway::Options{
        .scanner = base::Cat("  clamd: { address: '", clamd_.address(), "', config_file: '",
                             clamd_.config_file(),
                             "', scan_deadline: 2s, connect_deadline: 1s }\n  message_bytes: "
                             "1000000\n"),
        .ingress = "  limits: { message_bytes: 1000000 }\n"});
    gateway_->AddTenant("acme");
    gateway_->AddDomain("acme", "example.org");
  }

  void ExpectVirusHeld() {
    const auto ids = gateway_->Accept({"ann@example.org"}, EicarMail());
    const quarantine::v1::Hold hold = gateway_->Hold(ids[0]);
    EXPECT_EQ(hold.kind(), mail::v1::HOLD_KIND_VIRUS);
  }
  bool IsAway() { return gateway_->Metric("cleanmail_scanner_engine_away") == 1; }
  // Sends a clean mail and a virus while the engine is away; what is true then.
  void SendAndExpectToWait() {
    waiting_ = gateway_->Accept({"ann@example.org"}, TextMail("patience"))[0];
    virus_ = gateway_->Accept({"ann@example.org"}, EicarMail())[0];
    Gateway::WaitUntil([&] { return IsAway(); }, "the engine to be seen away");
    EXPECT_THAT(gateway_->Operations("/readyz"), HasSubstr("warning: "));
    gateway_->Accept({"ann@example.org"}, TextMail("taken nevertheless"));
    EXPECT_THAT(gateway_->Story(waiting_), Not(Contains("scanned")));
    EXPECT_EQ(gateway_->sink().count(), 0);
  }
  void ExpectAllToComeRight() {
    ASSERT_TRUE(gateway_->sink().WaitFor(2, absl::Seconds(30)));
    EXPECT_EQ(gateway_->Hold(virus_).kind(), mail::v1::HOLD_KIND_VIRUS);
    EXPECT_FALSE(IsAway());
    EXPECT_EQ(gateway_->sink().count(), 2);
    gateway_->WaitFor(waiting_, "delivered");
    EXPECT_THAT(gateway_->Operations("/readyz"), Not(HasSubstr("warning: ")));
  }

  scanner::ClamdDaemon clamd_;
  std::unique_ptr<Gateway> gateway_;
  std::string waiting_;
  std::string virus_;
};

TEST_F(EngineTrouble, T_B9_KilledMailWaitsAndFlowsAgainWithoutARestart) {
  ExpectVirusHeld();
  EXPECT_THAT(gateway_->Operations("/readyz"), Not(HasSubstr("warning: ")));
  clamd_.Stop(SIGKILL);
  SendAndExpectToWait();
  clamd_.Start();
  ExpectAllToComeRight();
}

TEST_F(EngineTrouble, T_B9_HangingIsAway) {
  ExpectVirusHeld();
  clamd_.Pause();
  SendAndExpectToWait();
  clamd_.Resume();
  ExpectAllToComeRight();
}

}  // namespace
}  // namespace cleanmail::e2e
