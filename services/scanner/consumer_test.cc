#include "services/scanner/consumer.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/fake_clock.h"
#include "libs/bus/fake_bus.h"
#include "libs/store/blob/fake_blob_store.h"
#include "libs/store/kv/memory_kv_store.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/scanner/analyzers/spam/gtube.h"

namespace cleanmail::scanner {
namespace {

constexpr char kId[] = "0192f3a0-0000-7000-8000-000000000001";
constexpr char kGtube[] =
    "Subject: x\r\n\r\nXJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n";

class ConsumerTest : public ::testing::Test {
 protected:
  ConsumerTest() {
    std::vector<std::unique_ptr<Analyzer>> analyzers;
    analyzers.push_back(std::make_unique<Gtube>());
    scan_ = std::make_unique<Scan>(ScanParts{.blobs = blobs_, .metrics = metrics_},
                                   std::move(analyzers), mail::mime::StructureLimits{}, 3);
    const ConsumerParts parts{*scan_, bus_, clock_, *log_, &reputations_};
    received_ = *bus_.Subscribe(bus::OptionsFor<ingress::v1::MailReceived>("scanner"),
                                bus::HandleLater<ingress::v1::MailReceived>(
                                    [parts](auto batch) { OnReceived(parts, std::move(batch)); }));
    rescans_ =
        *bus_.Subscribe(bus::OptionsFor<quarantine::v1::RescanRequested>("scanner"),
                        bus::HandleLater<quarantine::v1::RescanRequested>(
                            [parts](auto batch) { OnRescanRequested(parts, std::move(batch)); }));
    blobs_.Put({.tenant = "acme", .message = kId}, kGtube);
  }
  static mail::v1::Message MailOf(const std::string& client, bool asked) {
    mail::v1::Message message;
    message.set_id(kId);
    message.set_tenant("acme");
    message.mutable_session()->set_client_address(client);
    if (asked) message.mutable_door();
    return message;
  }
  void Receive(const std::string& client, bool asked,
               std::optional<mail::v1::ScanResult> scan = std::nullopt) {
    ingress::v1::MailReceived event;
    event.set_message_id(kId);
    *event.mutable_message() = MailOf(client, asked);
    if (scan.has_value()) *event.mutable_scan() = *std::move(scan);
    bus_.DeliverEvent(event);
  }
  mail::v1::Reputation Remembered(const std::string& client) const {
    mail::v1::DoorFacts facts;
    reputations_.Recall(*net::IpAddress::Parse(client), facts);
    return facts.address_reputation();
  }

  base::FakeClock clock_;
  std::unique_ptr<kv::KvStore> kv_ = kv::MakeMemoryKvStore(clock_, 100);
  const reputation::Reputations reputations_{absl::Hours(1), *kv_, clock_};
  const std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  blob::FakeBlobStore blobs_;
  bus::FakeBus bus_;
  std::unique_ptr<Scan> scan_;
  std::unique_ptr<bus::Subscription> received_;
  std::unique_ptr<bus::Subscription> rescans_;
};

TEST_F(ConsumerTest, WhatAMessageWasIsNotedOfItsClient) {
  Receive("5.6.7.8", true);
  EXPECT_EQ(Remembered("5.6.7.8").spam(), 1);
  ASSERT_EQ(bus_.Events<v1::MailScanned>().size(), 1u);
}

TEST_F(ConsumerTest, SoIsWhatWasFoundWhileTheSenderWaited) {
  mail::v1::ScanResult scan;
  scan.set_score(0.5);
  Receive("5.6.7.8", true, scan);
  EXPECT_EQ(Remembered("5.6.7.8").good(), 1);
  EXPECT_EQ(Remembered("5.6.7.8").spam(), 0);
}

TEST_F(ConsumerTest, NothingIsNotedOfClientsTheDoorDidNotAskAboutOrThatAreNone) {
  Receive("5.6.7.8", false);
  EXPECT_EQ(Remembered("5.6.7.8").spam(), 0);
  Receive("no address", true);
  EXPECT_EQ(bus_.Events<v1::MailScanned>().size(), 2u);
}

TEST_F(ConsumerTest, ARescanSaysNothingNewOfTheClient) {
  quarantine::v1::RescanRequested event;
  event.set_message_id(kId);
  event.set_generation(2);
  *event.mutable_message() = MailOf("5.6.7.8", true);
  bus_.DeliverEvent(event);
  ASSERT_EQ(bus_.Events<v1::MailScanned>().size(), 1u);
  EXPECT_EQ(Remembered("5.6.7.8").spam(), 0);
}

}  // namespace
}  // namespace cleanmail::scanner
