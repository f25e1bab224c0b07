#include "libs/app/tenant_keys.h"

#include <atomic>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/fake_clock.h"
#include "libs/rpc/server.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"

namespace cleanmail::app {
namespace {

class FakeProvisioning final : public provisioning::v1::ProvisioningService::Service {
 public:
  grpc::Status GetTenantKey(grpc::ServerContext*, const provisioning::v1::GetTenantKeyRequest*,
                            provisioning::v1::GetTenantKeyResponse* reply) override {
    ++asked;
    if (code != grpc::StatusCode::OK) return {code, "as told"};
    reply->set_key(std::string(32, key));
    return grpc::Status::OK;
  }
  std::atomic<int> asked{0};
  std::atomic<grpc::StatusCode> code{grpc::StatusCode::OK};
  std::atomic<char> key{'k'};
};

class TenantKeysTest : public ::testing::Test {
 protected:
  void SetUp() override { channels_.Open(server_->InProcessChannel()); }
  template <class Condition>
  static bool Eventually(Condition condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (!condition()) {
      if (absl::Now() > deadline) return false;
      absl::SleepFor(absl::Milliseconds(1));
    }
    return true;
  }
  base::FakeClock clock_;  // outlives the server: answers on their way when a test ends look at it
  FakeProvisioning provisioning_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  telemetry::MetricsRegistry metrics_;
  std::unique_ptr<rpc::Server> server_ = *rpc::Server::Start({&provisioning_}, {}, *log_, metrics_);
  rpc::LocalChannels channels_;
  rpc::Peers peers_{channels_};
  RpcTenantKeys keys_{peers_, clock_, absl::Seconds(5)};
};

TEST_F(TenantKeysTest, AKeyIsAskedForOnceAndAgainWhenItIsOld) {
  EXPECT_EQ(*keys_.KeyOf("acme"), std::string(32, 'k'));
  EXPECT_EQ(*keys_.KeyOf("acme"), std::string(32, 'k'));
  EXPECT_EQ(provisioning_.asked, 1);
  clock_.Advance(absl::Minutes(6));
  provisioning_.key = 'n';
  EXPECT_TRUE(keys_.KeyOf("acme").ok());
  EXPECT_TRUE(Eventually([&] { return *keys_.KeyOf("acme") == std::string(32, 'n'); }));
  EXPECT_EQ(provisioning_.asked, 2);
}

TEST_F(TenantKeysTest, WhileProvisioningIsAwayAKnownKeyGoesOnAndAnUnknownOneIsUnavailable) {
  EXPECT_TRUE(keys_.KeyOf("acme").ok());
  provisioning_.code = grpc::StatusCode::UNAVAILABLE;
  clock_.Advance(absl::Hours(1));
  EXPECT_TRUE(keys_.KeyOf("acme").ok());
  EXPECT_TRUE(Eventually([&] { return provisioning_.asked == 2; }));
  EXPECT_TRUE(keys_.KeyOf("acme").ok());
  EXPECT_EQ(keys_.KeyOf("other").status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(TenantKeysTest, ADestroyedKeyIsForgotten) {
  EXPECT_TRUE(keys_.KeyOf("acme").ok());
  provisioning_.code = grpc::StatusCode::NOT_FOUND;
  clock_.Advance(absl::Minutes(6));
  EXPECT_TRUE(Eventually([&] { return absl::IsNotFound(keys_.KeyOf("acme").status()); }));
}

}  // namespace
}  // namespace cleanmail::app
