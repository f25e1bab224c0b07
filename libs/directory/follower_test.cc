#include "libs/directory/follower.h"

#include <thread>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/bus/fake_bus.h"
#include "libs/rpc/server.h"
#include "proto/cleanmail/api/v1/http.pb.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"

namespace cleanmail::directory {
namespace {

using provisioning::v1::DirectoryChanged;
using provisioning::v1::SnapshotRequest;
using provisioning::v1::SnapshotResponse;

// Gives its pages one after another; fails when told.
class FakeProvisioning final : public provisioning::v1::ProvisioningService::Service {
 public:
  grpc::Status Snapshot(grpc::ServerContext*, const SnapshotRequest* request,
                        SnapshotResponse* reply) override {
    const size_t page = request->page_token().empty() ? 0 : std::stoul(request->page_token());
    if (page == fail_at) {
      fail_at = SIZE_MAX;
      return {grpc::StatusCode::UNAVAILABLE, "not now"};
    }
    *reply = pages.at(page);
    if (page + 1 < pages.size()) reply->set_next_page_token(std::to_string(page + 1));
    return grpc::Status::OK;
  }
  grpc::Status GetTenant(grpc::ServerContext*, const provisioning::v1::GetTenantRequest* request,
                         provisioning::v1::Tenant* reply) override {
    if (request->name() != "tenants/" + newest_tenant) return {grpc::StatusCode::NOT_FOUND, "no"};
    reply->set_name(request->name());
    asked.Notify();
    return grpc::Status::OK;
  }
  std::vector<SnapshotResponse> pages;
  size_t fail_at = SIZE_MAX;
  std::string newest_tenant = "bakery";  // made, but not yet in the pages nor on the bus
  absl::Notification asked;
};

DirectoryChanged DomainChange(const std::string& domain, bool deleted = false) {
  DirectoryChanged change;
  change.set_name("tenants/acme/domains/" + domain);
  change.set_deleted(deleted);
  if (!deleted) change.mutable_domain()->set_name(change.name());
  return change;
}

class FollowerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    channels_.Open(server_->InProcessChannel());
    SnapshotResponse page;
    page.set_position(-1);
    page.add_tenants()->set_name("tenants/acme");
    provisioning_.pages.push_back(page);
    page.Clear();
    page.add_domains()->set_name("tenants/acme/domains/snap.example");
    provisioning_.pages.push_back(page);
  }
  void Publish(const DirectoryChanged& change) {
    bus::PublishEvent(bus_, change, {}, [](absl::Status status) { EXPECT_TRUE(status.ok()); });
  }
  static absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

  FakeProvisioning provisioning_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  telemetry::MetricsRegistry metrics_;
  std::unique_ptr<rpc::Server> server_ =
      *rpc::Server::Start({&provisioning_}, {.socket_path = {}}, *log_, metrics_);
  rpc::LocalChannels channels_;
  rpc::Peers peers_{channels_};
  bus::FakeBus bus_;
  Directory directory_;
};

TEST_F(FollowerTest, TheSnapshotAndWhatCameAfterItMakeThePicture) {
  Publish(DomainChange("early.example"));
  Follower follower(bus_, peers_, directory_);
  ASSERT_TRUE(follower.Fill(Soon()).ok());
  EXPECT_TRUE(directory_.complete());
  EXPECT_EQ(directory_.TenantOfDomain("snap.example"), "acme");
  EXPECT_EQ(directory_.TenantOfDomain("early.example"), "acme");
  Publish(DomainChange("late.example"));
  EXPECT_EQ(directory_.TenantOfDomain("late.example"), "acme");
  Publish(DomainChange("late.example", true));
  EXPECT_EQ(directory_.TenantOfDomain("late.example"), std::nullopt);
}

TEST_F(FollowerTest, ASnapshotThatBreaksOffIsTakenAgainAndNothingOldIsLeft) {
  provisioning_.fail_at = 1;
  provisioning_.pages[0].add_domains()->set_name("tenants/acme/domains/gone.example");
  Follower follower(bus_, peers_, directory_);
  EXPECT_EQ(follower.Fill(Soon()).code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(directory_.complete());
  provisioning_.pages[0].clear_domains();
  ASSERT_TRUE(follower.Fill(Soon()).ok());
  EXPECT_TRUE(directory_.complete());
  EXPECT_EQ(directory_.TenantOfDomain("gone.example"), std::nullopt);
}

TEST_F(FollowerTest, ATenantMadeJustNowIsWaitedForAndOneThatIsNowhereIsNot) {
  Follower follower(bus_, peers_, directory_);
  ASSERT_TRUE(follower.Fill(Soon()).ok());
  EXPECT_TRUE(directory_.AwaitTenant("acme"));
  EXPECT_FALSE(directory_.AwaitTenant("nowhere", absl::InfiniteDuration()));
  std::thread news([this] {
    provisioning_.asked.WaitForNotification();
    DirectoryChanged change;
    change.set_name("tenants/bakery");
    change.mutable_tenant()->set_name(change.name());
    Publish(change);
  });
  EXPECT_TRUE(directory_.AwaitTenant("bakery", absl::Seconds(20)));
  news.join();
}

// In a cluster a room may call only what says so.
TEST(Follower, WhatItAsksEveryRoomMayAsk) {
  const auto* const service = google::protobuf::DescriptorPool::generated_pool()->FindServiceByName(
      provisioning::v1::ProvisioningService::service_full_name());
  ASSERT_NE(service, nullptr);
  for (const char* name : {"Snapshot", "GetTenant"}) {
    const auto* const method = service->FindMethodByName(name);
    ASSERT_NE(method, nullptr) << name;
    EXPECT_EQ(method->options().GetExtension(api::v1::callers, 0), "*") << name;
  }
}

}  // namespace
}  // namespace cleanmail::directory
