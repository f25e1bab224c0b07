#include "services/ingress/settings.h"

#include <gtest/gtest.h>

namespace cleanmail::ingress {
namespace {

v1::Listener Mx() {
  v1::Listener listener;
  listener.set_name("mx");
  listener.set_listen("127.0.0.1:0");
  listener.set_role(v1::ROLE_MX);
  return listener;
}

TEST(ToSessionSettings, HasTheDefaultsOfTheContract) {
  const auto settings = ToSessionSettings({}, Mx(), "mx.example.org");
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->smtp.line_ends, mail::smtp::LineEnds::kStrict);
  EXPECT_EQ(settings->smtp.message.bytes, 52428800);
  EXPECT_EQ(settings->smtp.recipients, 1000);
  EXPECT_EQ(settings->timeouts.command, absl::Minutes(5));
  EXPECT_FALSE(settings->smtp.offer_starttls);
  EXPECT_FALSE(settings->smtp.offer_dsn);
}

TEST(ToSessionSettings, ASmartHostRepairsLineEndsAndOffersNotifications) {
  v1::Listener listener = Mx();
  listener.set_role(v1::ROLE_SMART_HOST);
  EXPECT_EQ(ToSessionSettings({}, listener, "mx")->smtp.line_ends, mail::smtp::LineEnds::kRepair);
  EXPECT_TRUE(ToSessionSettings({}, listener, "mx")->smtp.offer_dsn);
}

TEST(ToSessionSettings, RefusesWhatCannotBeRight) {
  v1::IngressConfig config;
  v1::Listener listener = Mx();
  listener.clear_role();
  EXPECT_EQ(ToSessionSettings(config, listener, "mx").status().message(),
            "ingress.listeners: mx needs a role, mx or smart_host");
  listener = Mx();
  listener.set_require_tls(true);
  EXPECT_FALSE(ToSessionSettings(config, listener, "mx").ok());
  config.mutable_limits()->set_recipients(99);
  EXPECT_FALSE(ToSessionSettings(config, Mx(), "mx").ok());
  config.Clear();
  config.mutable_limits()->set_command_line_bytes(100);
  EXPECT_FALSE(ToSessionSettings(config, Mx(), "mx").ok());
  config.Clear();
  config.set_postmaster("nobody");
  EXPECT_FALSE(ToSessionSettings(config, Mx(), "mx").ok());
}

TEST(ToConnectionLimits, NamesTheNetworkThatIsNone) {
  v1::Limits limits;
  limits.add_exempt_networks("10.0.0.0/33");
  EXPECT_FALSE(ToConnectionLimits(limits).ok());
  limits.Clear();
  limits.set_sessions_per_address(7);
  EXPECT_EQ(ToConnectionLimits(limits)->per_address, 7);
  EXPECT_EQ(ToConnectionLimits(limits)->per_network, 250);
}

TEST(Settings, GreylistAndTarpitAreOffUnlessSet) {
  v1::Door door;
  EXPECT_FALSE(ToGreylistOptions(door)->has_value());
  EXPECT_FALSE(ToTarpitOptions(door)->has_value());
  door.mutable_greylisting()->add_pass_domains("Partner.example");
  door.mutable_tarpit();
  const auto greylist = ToGreylistOptions(door);
  ASSERT_TRUE(greylist.ok()) << greylist.status();
  EXPECT_EQ((*greylist)->delay, absl::Minutes(5));
  EXPECT_EQ((*greylist)->pass_domains.back(), "partner.example");
  EXPECT_TRUE(ToTarpitOptions(door)->has_value());
}

TEST(Settings, WrongOnesOfTheDoorAreNamed) {
  v1::Door door;
  door.mutable_greylisting()->mutable_delay()->set_seconds(48 * 3600);
  EXPECT_FALSE(ToGreylistOptions(door).ok());
  door.mutable_greylisting()->clear_delay();
  door.mutable_greylisting()->add_pass_networks("here");
  EXPECT_NE(ToGreylistOptions(door).status().message().find("pass_networks"),
            absl::string_view::npos);
  door.set_off(true);
  EXPECT_FALSE(ToGreylistOptions(door).ok());
  door.mutable_tarpit()->mutable_longest()->set_seconds(600);
  EXPECT_FALSE(ToTarpitOptions(door).ok());
}

}  // namespace
}  // namespace cleanmail::ingress
