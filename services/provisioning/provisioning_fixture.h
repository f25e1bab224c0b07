#pragma once

#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/base/fake_random.h"
#include "libs/bus/fake_bus.h"
#include "libs/store/sql/test_database.h"
#include "proto/cleanmail/provisioning/v1/events.pb.h"
#include "services/provisioning/accounts.h"
#include "services/provisioning/snapshots.h"

namespace cleanmail::provisioning {

// A directory of its own over SQLite, with shorthand for what it is filled with.
class ProvisioningFixture : public ::testing::Test {
 protected:
  ProvisioningFixture() {
    EXPECT_TRUE(sql::Migrate(*database_, Migrations()).ok());
    outbox_ = outbox::Outbox::Create(*database_, bus_);
    store_ = std::make_unique<Store>(*database_, *outbox_);
    accounts_ = std::make_unique<Accounts>(*store_, destinations_);
    snapshots_ = std::make_unique<Snapshots>(*store_, bus_, random_, std::string(32, 'm'));
  }
  static std::unique_ptr<sql::Database> Open() { return sql::TestDatabasePlace().Open(); }

  absl::StatusOr<v1::Tenant> AddTenant(const std::string& id,
                                       std::vector<std::string> networks = {},
                                       const std::string& policy = "") {
    v1::Tenant tenant;
    tenant.set_name("tenants/" + id);
    tenant.set_policy(policy);
    for (const std::string& network : networks) tenant.add_sending_networks(network);
    return accounts_->Create<v1::Tenant>(tenant);
  }
  absl::StatusOr<v1::Domain> AddDomain(const std::string& tenant, const std::string& domain) {
    v1::Domain request;
    request.set_name(base::Cat("tenants/", tenant, "/domains/", domain));
    return accounts_->Create<v1::Domain>(request);
  }
  absl::StatusOr<v1::User> AddUser(const std::string& tenant, const std::string& address,
                                   std::vector<std::string> aliases = {}) {
    v1::User user;
    user.set_name(base::Cat("tenants/", tenant, "/users/", address));
    for (const std::string& alias : aliases) user.add_aliases(alias);
    return accounts_->Create<v1::User>(user);
  }
  absl::StatusOr<v1::Route> AddRoute(const std::string& tenant, const std::string& domain,
                                     std::vector<std::string> destinations) {
    v1::Route route;
    route.set_name(base::Cat("tenants/", tenant, "/routes/", domain));
    for (const std::string& destination : destinations) route.add_destinations(destination);
    return accounts_->Create<v1::Route>(route);
  }

  base::FakeRandom random_;
  bus::FakeBus bus_;
  std::unique_ptr<sql::Database> database_ = Open();
  std::unique_ptr<outbox::Outbox> outbox_;
  std::unique_ptr<Store> store_;
  net::DestinationPolicy destinations_;
  std::unique_ptr<Accounts> accounts_;
  std::unique_ptr<Snapshots> snapshots_;
};

}  // namespace cleanmail::provisioning
