#include "services/egress/delivery/lore.h"

#include <string>

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/dns/fake_resolver.h"
#include "libs/store/sql/test_database.h"
#include "proto/cleanmail/provisioning/v1/events.pb.h"

namespace cleanmail::egress {
namespace {

using Extensions = mail::smtp::ClientMachine::Extensions;

class LoreTest : public ::testing::Test {
 protected:
  void SetUp() override {
    database_ = sql::NewTestDatabase(Migrations());
    store_ = std::make_unique<Store>(*database_);
    lore_ = std::make_unique<Lore>(*store_, router_, clock_);
  }
  void SetRoute(const std::string& destination) {
    provisioning::v1::DirectoryChanged change;
    change.set_name("tenants/acme/routes/example.org");
    change.mutable_route()->set_name(change.name());
    change.mutable_route()->add_destinations(destination);
    directory_.Apply(change);
  }
  void Learn(const std::string& server, const Extensions& extensions) {
    lore_->Learn("acme", "example.org", server, extensions);
  }
  std::optional<Lore::Abilities> Known() { return lore_->Of("acme", "example.org"); }

  base::FakeClock clock_;
  directory::Directory directory_;
  dns::FakeResolver resolver_;
  Router router_{directory_, resolver_, {}};
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Lore> lore_;
};

TEST_F(LoreTest, ADestinationLacksWhatAllItsServersLack) {
  EXPECT_FALSE(Known().has_value());
  Learn("mx1", {.esmtp = true, .eight_bit = true, .max_size = 1000});
  ASSERT_TRUE(Known().has_value());
  EXPECT_FALSE(Known()->smtp_utf8);
  EXPECT_TRUE(Known()->eight_bit);
  EXPECT_EQ(Known()->max_size, 1000);
  Learn("mx2", {.esmtp = true, .smtp_utf8 = true, .max_size = 5000});
  EXPECT_TRUE(Known()->smtp_utf8);
  EXPECT_EQ(Known()->max_size, 5000);
  Learn("mx3", {.esmtp = true});
  EXPECT_EQ(Known()->max_size, 0) << "one names no limit";
  EXPECT_FALSE(lore_->Of("acme", "other.example").has_value());
  EXPECT_FALSE(lore_->Of("other", "example.org").has_value()) << "T-A8: a tenant's own knowledge";
}

TEST_F(LoreTest, WhatAServerSaysNowCountsAndADayOldIsForgotten) {
  Learn("mx1", {.esmtp = true});
  Learn("mx1", {.esmtp = true, .smtp_utf8 = true});
  EXPECT_TRUE(Known()->smtp_utf8);
  ASSERT_TRUE(lore_->Sync().ok());
  clock_.Advance(absl::Hours(25));
  EXPECT_FALSE(Known().has_value());
  ASSERT_TRUE(lore_->Sync().ok());
  EXPECT_FALSE(Known().has_value());
}

TEST_F(LoreTest, AnotherRouteIsAnotherDestination) {
  SetRoute("old.example");
  Learn("old.example", {.esmtp = true});
  EXPECT_TRUE(Known().has_value());
  SetRoute("new.example");
  EXPECT_FALSE(Known().has_value());
}

TEST_F(LoreTest, OutlivesTheProcessAndReachesOthers) {
  Lore other(*store_, router_, clock_);
  Learn("mx1", {.esmtp = true, .max_size = 1000});
  ASSERT_TRUE(lore_->Sync().ok());
  ASSERT_TRUE(other.Sync().ok());
  ASSERT_TRUE(other.Of("acme", "example.org").has_value());
  EXPECT_EQ(other.Of("acme", "example.org")->max_size, 1000);
  clock_.Advance(absl::Minutes(1));
  Learn("mx1", {.esmtp = true, .max_size = 2000});
  ASSERT_TRUE(lore_->Sync().ok());
  ASSERT_TRUE(other.Sync().ok());
  EXPECT_EQ(other.Of("acme", "example.org")->max_size, 2000);
}

}  // namespace
}  // namespace cleanmail::egress
