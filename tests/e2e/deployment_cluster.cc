// A process a room, over PostgreSQL, Redis, Kafka and an S3 server of the test program's own.
#include <filesystem>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <stdlib.h>

#include "libs/app/test_process.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/fake_authority.h"
#include "libs/testing/free_port.h"
#include "libs/testing/kafka_server.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/s3_server.h"
#include "services/allinone/rooms.h"
#include "tests/e2e/deployment.h"

namespace cleanmail::e2e {
namespace {

constexpr char kSecretName[] = "CLEANMAIL_TEST_S3_SECRET";
constexpr char kMasterKeyName[] = "CLEANMAIL_TEST_MASTER_KEY";

// The engines, started before the first test on the main thread (they die with the thread that
// starts them) and stopped after the last.
class Engines final : public ::testing::Environment {
 public:
  static Engines& Get() { return *instance_; }
  Engines() { instance_ = this; }

  void SetUp() override {
    folder_ = base::Cat("/tmp/cleanmail_engines_", getpid());
    std::filesystem::create_directories(folder_);
    setenv(kMasterKeyName, std::string(64, 'a').c_str(), 1);
    postgres_ = std::make_unique<testing::PostgresServer>();
    redis_ = std::make_unique<testing::RedisServer>();
    kafka_ = std::make_unique<testing::KafkaServer>(
        testing::KafkaServerOptions{.folder = folder_ + "/kafka"});
    s3_ = std::make_unique<testing::S3Server>();
    setenv(kSecretName, s3_->secret_key().c_str(), 1);
    for (const absl::Status& started :
         {postgres_->Start(), redis_->Start(), kafka_->Start(), s3_->Start()})
      CLEANMAIL_CHECK(started.ok(), base::View(started.message()));
    authority_ = std::make_unique<crypto::FakeAuthority>(folder_, "authority");
  }
  void TearDown() override {
    s3_.reset();
    kafka_.reset();
    redis_.reset();
    postgres_.reset();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }

  // Names of a gateway's own in each engine.
  std::string NewTerritory() {
    const std::string name = base::Cat("gateway", ++territories_);
    const absl::Status made = postgres_->Run(base::Cat("create database ", name));
    CLEANMAIL_CHECK(made.ok(), base::View(made.message()));
    std::filesystem::create_directories(s3_->FolderOf(name));
    return name;
  }

  // The `app` section's part about engines and peers, in YAML.
  std::string SettingsOf(const std::string& room, const std::string& territory,
                         const std::map<std::string, int>& rpc_ports) {
    const crypto::IssuedFiles files =
        authority_->Issue(base::Cat(territory, "_", room),
                          {base::Cat("spiffe://cleanmail/", room), room}, absl::Hours(48));
    std::string yaml = base::Cat(
        "  profile: cluster\n  threads: { loops: 1, workers: 2 }\n  rpc:\n    listen: '127.0.0.1:",
        rpc_ports.at(room), "'\n    tls: { certificate: ", files.certificate, ", key: ", files.key,
        ", authority: ", files.authority, " }\n    peers:\n");
    for (const auto& [peer, port] : rpc_ports) {
      if (peer != room)
        yaml += base::Cat("      - { room: ", peer, ", target: 'ipv4:127.0.0.1:", port, "' }\n");
    }
    yaml += base::Cat("  kafka: { brokers: ['", kafka_->addresses(), "'], partitions: 2, prefix: '",
                      territory, ".' }\n  postgres: { hosts: ['", postgres_->address(),
                      "'], database: ", territory, ", user: ", postgres_->user(),
                      ", tls: disable, connections: 4 }\n", "  redis: { addresses: ['",
                      redis_->address(), "'], prefix: '", territory, ":' }\n  s3: { endpoint: '",
                      s3_->endpoint(), "', bucket: ", territory,
                      ", access_key: ", s3_->access_key(), ", secret_key: 'env:", kSecretName,
                      "', sweeps: ", room == "reporting" ? "true" : "false", " }\n");
    if (room == "provisioning") yaml += base::Cat("  master_key: 'env:", kMasterKeyName, "'\n");
    return yaml;
  }

 private:
  static Engines* instance_;
  std::string folder_;
  int territories_ = 0;
  std::unique_ptr<testing::PostgresServer> postgres_;
  std::unique_ptr<testing::RedisServer> redis_;
  std::unique_ptr<testing::KafkaServer> kafka_;
  std::unique_ptr<testing::S3Server> s3_;
  std::unique_ptr<crypto::FakeAuthority> authority_;
};

Engines* Engines::instance_ = nullptr;
const ::testing::Environment* const kEngines =
    ::testing::AddGlobalTestEnvironment(new Engines());  // gtest deletes it

class Cluster final : public Deployment {
 public:
  explicit Cluster(const Settings& settings) {
    const std::string territory = Engines::Get().NewTerritory();
    std::map<std::string, int> rpc_ports;
    for (const app::Factory& factory : allinone::Rooms())
      rpc_ports[factory.name] = testing::FreePort();
    for (const app::Factory& factory : allinone::Rooms()) {
      const std::string& room = factory.name;
      yaml_[room] =
          base::Cat("app:\n", Engines::Get().SettingsOf(room, territory, rpc_ports), settings.app);
      if (const auto lines = settings.rooms.find(room);
          lines != settings.rooms.end() && !lines->second.empty())
        yaml_[room] += base::Cat(room, ":\n", lines->second);
      processes_[room] = nullptr;
    }
    // All at once, as they would be.
    AtOnce([this](const app::Factory& factory) {
      processes_[factory.name] = app::StartForTest(yaml_[factory.name], {factory});
    });
  }
  ~Cluster() override {
    AtOnce([this](const app::Factory& factory) { processes_[factory.name]->Stop(); });
  }

  void Restart() override {
    AtOnce([this](const app::Factory& factory) { processes_[factory.name]->Stop(); });
    AtOnce([this](const app::Factory& factory) { processes_[factory.name]->Restart(); });
  }
  void ForEach(const std::function<void(app::Process&, const std::string&)>& visit) override {
    for (const auto& [room, process] : processes_) visit(**process, FolderOf(room));
  }
  app::Process& ProcessOf(std::string_view room) override {
    return **processes_.find(room)->second;
  }
  std::string FolderOf(std::string_view room) override {
    return base::Cat(processes_.find(room)->second->folder(), "/data");
  }

 private:
  void AtOnce(const std::function<void(const app::Factory&)>& act) {
    std::vector<std::thread> threads;
    for (const app::Factory& factory : allinone::Rooms())
      threads.emplace_back([&act, factory] { act(factory); });
    for (std::thread& thread : threads) thread.join();
  }

  std::map<std::string, std::string> yaml_;
  std::map<std::string, std::unique_ptr<app::TestProcess>, std::less<>> processes_;
};

}  // namespace

std::unique_ptr<Deployment> Deployment::Start(const Settings& settings) {
  return std::make_unique<Cluster>(settings);
}

}  // namespace cleanmail::e2e
