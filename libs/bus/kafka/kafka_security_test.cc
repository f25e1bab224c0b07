#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include "absl/time/time.h"
#include "libs/base/cat.h"
#include "libs/base/clock.h"
#include "libs/bus/bus_contract_test.h"
#include "libs/bus/kafka/kafka_bus.h"
#include "libs/testing/child_process.h"
#include "libs/testing/free_port.h"
#include "libs/testing/kafka_server.h"

namespace cleanmail::bus {
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(BusContract);
}

namespace cleanmail::bus::kafka {
namespace {

using cleanmail::testing::ChildProcess;
using cleanmail::testing::KafkaServer;

// A key and a certificate of its own authority for 127.0.0.1, as one file for the broker.
void MakeCertificate(const std::string& folder) {
  std::filesystem::create_directories(folder);
  absl::StatusOr<ChildProcess> openssl = ChildProcess::Start(
      {.argv = {"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem",
                "-out", "cert.pem"},
       .folder = folder,
       .output = folder + "/openssl"});
  ASSERT_TRUE(openssl.ok()) << openssl.status();
  ASSERT_EQ(*openssl->Wait(absl::Seconds(20)), 0);
  std::ofstream both(folder + "/both.pem");
  for (const char* file : {"/key.pem", "/cert.pem"}) both << std::ifstream(folder + file).rdbuf();
}

TEST(KafkaSecurity, OverTlsOnlyTheRightPasswordAndAuthorityServe) {
  const std::string folder = ::testing::TempDir() + "/secure";
  MakeCertificate(folder);
  const int port = cleanmail::testing::FreePort();
  KafkaServer server(
      {.folder = folder + "/server",
       .secure_port = port,
       .settings = base::Cat(
           "ssl.keystore.type=PEM\nssl.keystore.location=", folder,
           "/both.pem\nsasl.enabled.mechanisms=PLAIN\nlistener.name.secure.plain.sasl.jaas.config="
           "org.apache.kafka.common.security.plain.PlainLoginModule required "
           "user_mail=\"secret\";\n")});
  const absl::Status started = server.Start();
  ASSERT_TRUE(started.ok()) << started;
  KafkaOptions options{.brokers = base::Cat("127.0.0.1:", port)};
  options.tls = {.on = true, .ca_file = folder + "/cert.pem"};
  options.sasl = {.mechanism = "PLAIN", .user = "mail", .password = "secret"};
  options.assignment_wait = absl::Seconds(10);
  options.topics = {{.name = "fruit.v1"}};
  const base::SystemClock clock;
  {
    absl::StatusOr<std::unique_ptr<KafkaBus>> bus = KafkaBus::Create(options, clock);
    ASSERT_TRUE(bus.ok()) << bus.status();
    Eater eater;
    auto subscription = *(*bus)->Subscribe({.topic = "fruit.v1", .group = "g"}, eater.Handler());
    ASSERT_TRUE(PublishAndWait(**bus, {MakeRecord("a", "apple")}).ok());
    EXPECT_TRUE(Eventually([&] { return eater.count("a:apple") == 1; }));
  }
  options.start_timeout = absl::Seconds(2);
  options.sasl.password = "wrong";
  EXPECT_EQ(KafkaBus::Create(options, clock).status().code(), absl::StatusCode::kUnavailable);
  options.sasl.password = "secret";
  options.tls.ca_file = "";
  EXPECT_EQ(KafkaBus::Create(options, clock).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace cleanmail::bus::kafka
