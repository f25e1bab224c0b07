#pragma once

#include <fstream>
#include <iterator>
#include <map>

#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "libs/base/clock.h"
#include "libs/base/fake_random.h"
#include "libs/bus/fake_bus.h"
#include "libs/directory/directory.h"
#include "libs/dns/fake_resolver.h"
#include "libs/net/connection.h"
#include "libs/net/fake_certificate.h"
#include "libs/net/listener.h"
#include "libs/store/blob/fake_blob_store.h"
#include "libs/telemetry/log.h"
#include "libs/testing/dialogue.h"
#include "libs/testing/socket_transport.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "services/ingress/intake/received.h"
#include "services/ingress/session/fake_advisors.h"
#include "services/ingress/session/sessions.h"

namespace cleanmail::ingress {

using mail::smtp::LineEnds;
using testing::Dialogue;
using testing::SocketTransport;

inline void AddDomain(directory::Directory& directory, const std::string& tenant,
                      const std::string& domain, provisioning::v1::RecipientMode mode,
                      std::vector<std::string> networks = {}) {
  provisioning::v1::DirectoryChanged change;
  change.set_name("tenants/" + tenant);
  change.mutable_tenant()->set_name("tenants/" + tenant);
  for (const std::string& network : networks)
    change.mutable_tenant()->add_sending_networks(network);
  directory.Apply(change);
  change = {};
  change.set_name("tenants/" + tenant + "/domains/" + domain);
  change.mutable_domain()->set_name(change.name());
  change.mutable_domain()->set_recipient_mode(mode);
  directory.Apply(change);
}

// Sessions over loopback, with fakes of bus, blobs and policy behind them.
class SessionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    AddDomain(directory_, "acme", "example.org", provisioning::v1::RECIPIENT_MODE_ANY,
              {"127.0.0.0/8"});
    AddDomain(directory_, "other", "other.example",
              provisioning::v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED);
    directory_.Complete();
    settings_.smtp.host_name = "mx.example.org";
    settings_.smtp.message = {
        .bytes = 100000, .line_bytes = 2000, .header_bytes = 20000, .header_fields = 100};
  }
  void TearDown() override {
    client_.reset();
    listener_.reset();
    loops_->Stop(absl::Now() + absl::Seconds(5));
  }

  void Open() {
    // What an earlier listener's sessions use must outlive them.
    client_.reset();
    listener_.reset();
    Eventually([&] { return metrics_.sessions_open.value() == 0; });
    for (size_t i = 0; i < loops_->size(); ++i) {
      absl::Notification passed;  // the last session's coroutine has been destroyed when its loop
                                  // does something else
      loops_->at(i).Post([&passed] { passed.Notify(); });
      passed.WaitForNotification();
    }
    intake_ = std::make_unique<Intake>(IntakeOptions{.host_name = "mx.example.org", .header = {}},
                                       blobs_, bus_, clock_, random_);
    limits_ = std::make_unique<net::ConnectionLimits>(limit_options_);
    dns_lists_ = std::make_unique<DnsLists>(dns_lists_to_ask_, resolver_);
    sessions_ = std::make_unique<Sessions>(
        settings_, SessionParts{*loops_, *limits_, directory_, policy_, scan_, recipient_check_,
                                lore_, resolver_, *dns_lists_, *intake_, bus_, clock_, random_,
                                *mail_log_, metrics_, greylist_, tarpit_, reputations_});
    auto listener = net::Listener::Open(
        *loops_, {.name = "mx", .address = "127.0.0.1:0", .proxy_from = proxy_from_},
        [this](std::unique_ptr<net::Connection> c) { sessions_->Take(std::move(c)); });
    ASSERT_TRUE(listener.ok()) << listener.status();
    listener_ = *std::move(listener);
  }
  std::unique_ptr<SocketTransport> Connect() {
    auto transport = SocketTransport::Connect(*loops_, listener_->port());
    EXPECT_TRUE(transport.ok()) << transport.status();
    return transport.ok() ? *std::move(transport) : nullptr;
  }
  // Sends lines and gives the last line of the reply to the last of them.
  std::string Say(const std::string& bytes, int replies = 1) {
    EXPECT_TRUE(client_->Send(bytes).ok());
    std::string last;
    for (int i = 0; i < replies; ++i) {
      do {
        const auto line = client_->ReadLine();
        if (!line.ok()) return std::string(line.status().message());
        last = *line;
      } while (last.size() > 3 && last[3] == '-');
    }
    return last;
  }
  void Greet() {
    client_ = Connect();
    EXPECT_EQ(Say("EHLO client.example\r\n", 2).substr(0, 3), "250");
  }
  // As a client of that address, by PROXY protocol.
  void GreetAs(const std::string& address) {
    client_ = Connect();
    ASSERT_TRUE(client_->Send("PROXY TCP4 " + address + " 127.0.0.1 1000 25\r\n").ok());
    EXPECT_EQ(Say("EHLO client.example\r\n", 2).substr(0, 3), "250");
  }
  // MAIL and RCPT; two replies.
  static std::string MailFrom(const std::string& sender) {
    return "MAIL FROM:<" + sender + ">\r\nRCPT TO:<bob@example.org>\r\n";
  }
  void Begin(const std::string& recipient = "bob@example.org") {
    Greet();
    EXPECT_EQ(Say("MAIL FROM:<a@client.example>\r\nRCPT TO:<" + recipient + ">\r\nDATA\r\n", 3)
                  .substr(0, 3),
              "354");
  }
  std::vector<v1::MailReceived> Received() { return bus_.Events<v1::MailReceived>(); }
  std::string Body(const v1::MailReceived& event) {
    return *blobs_.Read({event.message().tenant(), event.message_id()});
  }
  // Polls until `condition` holds.
  template <class Condition>
  void Eventually(Condition condition) {
    const absl::Time deadline = absl::Now() + absl::Seconds(10);
    while (!condition() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(2));
    EXPECT_TRUE(condition());
  }
  absl::Status Converse(const std::string& file) {
    std::ifstream in(file);
    auto dialogue = Dialogue::Parse(std::string(std::istreambuf_iterator<char>(in), {}));
    if (!dialogue.ok()) return dialogue.status();
    settings_.role = dialogue->listener == "smart_host" ? Role::kSmartHost : Role::kMx;
    settings_.smtp.line_ends =
        dialogue->listener == "smart_host" ? LineEnds::kRepair : LineEnds::kStrict;
    settings_.smtp.offer_starttls = dialogue->listener == "tls";
    settings_.smtp.offer_dsn = dialogue->listener == "smart_host";
    settings_.tls = dialogue->listener == "tls" ? &Tls() : nullptr;
    Open();
    const auto transport = Connect();
    return CarryOut(*dialogue, *transport);
  }
  const net::TlsContext& Tls() {
    if (tls_ == nullptr) {
      const char* folder = std::getenv("TEST_TMPDIR");
      tls_ = *net::TlsContext::Server({net::MakeFakeCertificate(folder, "mx", {"mx.example.org"})});
    }
    return *tls_;
  }

  base::SystemClock clock_;
  base::FakeRandom random_;
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<telemetry::Log> mail_log_ = telemetry::MakeNullLog();
  bus::FakeBus bus_;
  blob::FakeBlobStore blobs_;
  directory::Directory directory_;
  FakePolicy policy_;
  FakeMessageScan scan_;
  FakeRecipientCheck recipient_check_;
  FakeDestinationLore lore_;
  dns::FakeResolver resolver_;
  std::vector<DnsList> dns_lists_to_ask_;
  std::unique_ptr<DnsLists> dns_lists_;
  SessionSettings settings_;
  const Greylist* greylist_ = nullptr;
  Tarpit* tarpit_ = nullptr;
  const reputation::Reputations* reputations_ = nullptr;
  net::ConnectionLimits::Options limit_options_;
  std::vector<std::string> proxy_from_;
  std::unique_ptr<net::TlsContext> tls_;
  std::unique_ptr<Intake> intake_;
  std::unique_ptr<net::ConnectionLimits> limits_;
  std::unique_ptr<Sessions> sessions_;
  std::unique_ptr<net::Loops> loops_ = net::Loops::Create(2, 2);
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<SocketTransport> client_;
};

}  // namespace cleanmail::ingress
