#include "libs/testing/kafka_server.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/testing/free_port.h"

namespace cleanmail::testing {
namespace {

constexpr char kCluster[] = "Q2xlYW5tYWlsVGVzdHNBMQ";  // any 16 bytes in base64
constexpr absl::Duration kStartTimeout = absl::Seconds(40);

std::string Home() {
  const char* servers = std::getenv("CLEANMAIL_SERVERS");
  return base::Cat(servers != nullptr && *servers != 0 ? servers : "/var/cache/cleanmail/servers",
                   "/kafka");
}

}  // namespace

KafkaServer::KafkaServer(KafkaServerOptions options) : options_(std::move(options)) {
  for (int i = 0; i < options_.brokers; ++i) {
    brokers_.push_back({.port = FreePort(),
                        .controller_port = FreePort(),
                        .folder = base::Cat(options_.folder, "/broker", i + 1),
                        .process = nullptr});
  }
}

KafkaServer::~KafkaServer() { Kill(); }

// A folder as the broker's own `format` would make it, without starting a JVM for it.
absl::Status KafkaServer::Prepare(int index) {
  const Broker& broker = brokers_[static_cast<size_t>(index)];
  const std::string data = base::Cat(broker.folder, "/data");
  std::error_code failed;
  std::filesystem::remove_all(broker.folder, failed);
  std::filesystem::create_directories(data, failed);
  std::filesystem::copy_file(base::Cat(Home(), "/formatted/bootstrap.checkpoint"),
                             base::Cat(data, "/bootstrap.checkpoint"), failed);
  if (failed) return absl::UnavailableError(base::Cat(data, ": ", failed.message()));
  std::ofstream(base::Cat(data, "/meta.properties"))
      << "version=1\nnode.id=" << index + 1 << "\ncluster.id=" << kCluster
      << "\ndirectory.id=Q2xlYW5tYWlsVGVzdHN" << static_cast<char>('A' + index) << "MQ\n";
  std::string voters;
  for (int i = 0; i < options_.brokers; ++i) {
    voters += base::Cat(i == 0 ? "" : ",", i + 1,
                        "@127.0.0.1:", brokers_[static_cast<size_t>(i)].controller_port);
  }
  const std::string secure =
      options_.secure_port > 0 ? base::Cat(",SECURE://127.0.0.1:", options_.secure_port) : "";
  std::ofstream settings(base::Cat(broker.folder, "/server.properties"));
  settings << "process.roles=broker,controller\nnode.id=" << index + 1
           << "\ncontroller.quorum.voters=" << voters
           << "\nlisteners=PLAINTEXT://127.0.0.1:" << broker.port
           << ",CONTROLLER://127.0.0.1:" << broker.controller_port << secure
           << "\nadvertised.listeners=PLAINTEXT://127.0.0.1:" << broker.port << secure
           << "\ninter.broker.listener.name=PLAINTEXT\ncontroller.listener.names=CONTROLLER"
           << "\nlistener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,"
              "SECURE:SASL_SSL"
           << "\nlog.dirs=" << data << "\nnum.partitions=" << options_.partitions
           << "\ndefault.replication.factor=" << options_.brokers
           << "\nmin.insync.replicas=" << options_.min_insync_replicas
           << "\noffsets.topic.replication.factor=" << options_.brokers
           << "\noffsets.topic.num.partitions=4\ntransaction.state.log.replication.factor="
           << options_.brokers << "\ntransaction.state.log.min.isr=1"
           << "\ntransaction.state.log.num.partitions=1\ngroup.initial.rebalance.delay.ms=0"
           << "\ngroup.min.session.timeout.ms=1000\nnum.network.threads=2\nnum.io.threads=2"
           << "\nbackground.threads=2\nbroker.session.timeout.ms=3000"
           << "\nbroker.heartbeat.interval.ms=500\ncontroller.quorum.election.timeout.ms=500"
           << "\ncontroller.quorum.fetch.timeout.ms=1000"
           << "\ncontrolled.shutdown.enable=false\nauto.create.topics.enable=false"
           << "\nlog.cleaner.dedupe.buffer.size=4194304\n"
           << options_.settings;
  return absl::OkStatus();
}

absl::Status KafkaServer::StartBroker(int index) {
  Broker& broker = brokers_[static_cast<size_t>(index)];
  const std::string home = Home();
  CLEANMAIL_ASSIGN_OR_RETURN(
      ChildProcess process,
      ChildProcess::Start(
          {.argv = {"java", "-Xms96m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
                    "-Xshare:auto", base::Cat("-XX:SharedArchiveFile=", home, "/broker.jsa"), "-cp",
                    base::Cat(home, "/libs/*"), "kafka.Kafka",
                    base::Cat(broker.folder, "/server.properties")},
           .folder = broker.folder,
           .output = base::Cat(broker.folder, "/output")}));
  broker.process = std::make_unique<ChildProcess>(std::move(process));
  return absl::OkStatus();
}

absl::Status KafkaServer::WaitFor(absl::Duration most) {
  const absl::Time deadline = absl::Now() + most;
  for (int i = 0; i < options_.brokers; ++i) {
    Broker& broker = brokers_[static_cast<size_t>(i)];
    if (broker.process == nullptr) continue;
    while (!Listens(static_cast<uint16_t>(broker.port))) {
      if (!broker.process->running() || absl::Now() > deadline) {
        return absl::UnavailableError(
            base::Cat("the Kafka broker does not come up: ", OutputOfBroker(i)));
      }
      absl::SleepFor(absl::Milliseconds(10));
    }
  }
  return absl::OkStatus();
}

absl::Status KafkaServer::Start() {
  if (!std::filesystem::exists(base::Cat(Home(), "/version"))) {
    return absl::NotFoundError(base::Cat("no Kafka broker in ", Home(),
                                         ": run deploy/packages/install cluster and "
                                         "deploy/packages/install_kafka"));
  }
  for (int i = 0; i < options_.brokers; ++i) CLEANMAIL_RETURN_IF_ERROR(Prepare(i));
  return Restart();
}

void KafkaServer::Stop() {
  for (int i = 0; i < options_.brokers; ++i) SignalBroker(i, SIGTERM);
  for (Broker& broker : brokers_) {
    if (broker.process != nullptr) testing::Stop(*broker.process, absl::Seconds(10));
    broker.process.reset();
  }
}

void KafkaServer::Kill() {
  for (int i = 0; i < options_.brokers; ++i) SignalBroker(i, SIGKILL);
  for (Broker& broker : brokers_) broker.process.reset();
}

absl::Status KafkaServer::Restart() {
  for (int i = 0; i < options_.brokers; ++i) {
    const Broker& broker = brokers_[static_cast<size_t>(i)];
    if (broker.process == nullptr || !broker.process->running())
      CLEANMAIL_RETURN_IF_ERROR(StartBroker(i));
  }
  return WaitFor(kStartTimeout);
}

void KafkaServer::SignalBroker(int index, int number) {
  const Broker& broker = brokers_[static_cast<size_t>(index)];
  if (broker.process != nullptr) broker.process->Signal(number);
}

void KafkaServer::KillBroker(int index) {
  SignalBroker(index, SIGKILL);
  brokers_[static_cast<size_t>(index)].process.reset();
}

absl::Status KafkaServer::RestartBroker(int index) {
  CLEANMAIL_RETURN_IF_ERROR(StartBroker(index));
  return WaitFor(kStartTimeout);
}

std::string KafkaServer::addresses() const {
  std::string all;
  for (const Broker& broker : brokers_)
    all += base::Cat(all.empty() ? "" : ",", "127.0.0.1:", broker.port);
  return all;
}

std::string KafkaServer::OutputOfBroker(int index) const {
  return OutputOf(base::Cat(brokers_[static_cast<size_t>(index)].folder, "/output"));
}

}  // namespace cleanmail::testing
