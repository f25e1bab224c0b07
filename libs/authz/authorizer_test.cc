#include "libs/authz/authorizer.h"

#include <gtest/gtest.h>

#include "libs/base/fake_clock.h"
#include "libs/bus/fake_bus.h"
#include "libs/rpc/answer.h"
#include "proto/cleanmail/audit/v1/events.pb.h"

namespace cleanmail::authz {
namespace {

using audit::v1::AuditRecorded;

const rpc::Caller kOperator{
    .kind = rpc::Caller::Kind::kOperator, .id = "operator/local", .trace = {}};
const rpc::Caller kService{.kind = rpc::Caller::Kind::kService, .id = "service", .trace = {}};
const rpc::Caller kStranger{.kind = rpc::Caller::Kind::kUnknown, .id = "unknown", .trace = {}};

class AuthorizerTest : public ::testing::Test {
 protected:
  bus::FakeBus bus_;
  base::FakeClock clock_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  Authorizer authorizer_{bus_, clock_, *log_};
};

TEST_F(AuthorizerTest, AnOperatorsChangeIsAllowedAndRecorded) {
  EXPECT_TRUE(
      authorizer_.Check(kOperator, Permission::kReleaseHold, "acme", "tenants/acme/holds/1").ok());
  const auto events = bus_.Events<AuditRecorded>();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].tenant(), "acme");
  EXPECT_EQ(events[0].actor(), "operator/local");
  EXPECT_EQ(events[0].permission(), "holds.release");
  EXPECT_EQ(events[0].resource(), "tenants/acme/holds/1");
  EXPECT_TRUE(events[0].allowed());
  EXPECT_EQ(events[0].at_us(), base::NowMicros(clock_));
}

TEST_F(AuthorizerTest, ReadingIsNotRecorded) {
  EXPECT_TRUE(authorizer_.Check(kOperator, Permission::kReadHolds, "acme").ok());
  EXPECT_TRUE(bus_.records().empty());
}

TEST_F(AuthorizerTest, KeysAreForServicesAndARefusalIsRecorded) {
  EXPECT_TRUE(authorizer_.Check(kService, Permission::kReadKeys, "acme").ok());
  const absl::Status refused = authorizer_.Check(kOperator, Permission::kReadKeys, "acme");
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(rpc::ReasonOf(refused), "NOT_ALLOWED");
  const auto events = bus_.Events<AuditRecorded>();
  ASSERT_EQ(events.size(), 1u);
  EXPECT_FALSE(events[0].allowed());
}

TEST_F(AuthorizerTest, AStrangerMayDoNothing) {
  for (int i = 0; i <= static_cast<int>(Permission::kEvaluateEnvelopes); ++i) {
    EXPECT_FALSE(authorizer_.Check(kStranger, static_cast<Permission>(i), "acme").ok()) << i;
  }
}

TEST_F(AuthorizerTest, ATrailThatCannotBeKeptDoesNotStopWork) {
  bus_.FailNext(absl::UnavailableError("disk"));
  EXPECT_TRUE(authorizer_.Check(kOperator, Permission::kWriteTenants, "acme").ok());
}

TEST_F(AuthorizerTest, HostileNamesAreRecordedPrintable) {
  EXPECT_TRUE(
      authorizer_.Check(kOperator, Permission::kDeleteHold, "a\r\nb", std::string(10'000, '\x01'))
          .ok());
  const auto events = bus_.Events<AuditRecorded>();
  EXPECT_EQ(events[0].tenant(), "a\\r\\nb");
  EXPECT_LT(events[0].resource().size(), 3000u);
}

}  // namespace
}  // namespace cleanmail::authz
