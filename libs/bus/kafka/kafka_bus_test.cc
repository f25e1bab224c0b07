#include "libs/bus/kafka/kafka_bus.h"

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "libs/base/clock.h"
#include "libs/bus/bus_contract_test.h"
#include "libs/bus/events.h"
#include "libs/testing/kafka_server.h"

namespace cleanmail::bus::kafka {
namespace {

using cleanmail::testing::KafkaServer;

const base::SystemClock& SystemClock() {
  static const base::SystemClock clock;
  return clock;
}

// One broker for all tests of this program; each test has names of its own.
KafkaServer& Server() {
  static KafkaServer* const server = [] {
    auto* made = new KafkaServer({.folder = ::testing::TempDir() + "/kafka"});
    const absl::Status started = made->Start();
    if (!started.ok()) ADD_FAILURE() << started;
    return made;
  }();
  return *server;
}

class StopServer final : public ::testing::Environment {
 public:
  void SetUp() override { Server(); }
  void TearDown() override { Server().Kill(); }
};
[[maybe_unused]] const auto* const kStopServer =
    ::testing::AddGlobalTestEnvironment(new StopServer);

KafkaOptions TestOptions() {
  static int number = 0;
  return {.brokers = Server().addresses(),
          .prefix = base::Cat("t", ++number, "."),
          .topics = {{.name = "state.v1", .compacted = true}},
          .partitions = 3,
          .first_retry = absl::Milliseconds(5),
          .commit_interval = absl::Milliseconds(20),
          .assignment_wait = absl::Seconds(10),
          .log = [](int level, std::string_view text) {
            if (level <= 4) std::cerr << text << "\n";
          }};
}

class KafkaUnderTest final : public BusUnderTest {
 public:
  explicit KafkaUnderTest(KafkaOptions options = TestOptions()) : options_(std::move(options)) {
    Open();
  }
  Bus& bus() override { return *bus_; }
  KafkaBus& kafka() { return *bus_; }
  void Restart() override {
    bus_.reset();
    Open();
  }

 private:
  void Open() {
    absl::StatusOr<std::unique_ptr<KafkaBus>> bus = KafkaBus::Create(options_, SystemClock());
    ASSERT_TRUE(bus.ok()) << bus.status();
    bus_ = *std::move(bus);
  }
  const KafkaOptions options_;
  std::unique_ptr<KafkaBus> bus_;
};

INSTANTIATE_TEST_SUITE_P(Kafka, BusContract,
                         ::testing::Values([] { return std::make_unique<KafkaUnderTest>(); }));

}  // namespace
}  // namespace cleanmail::bus::kafka
