#include "libs/app/cluster.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/app/process.h"
#include "libs/base/cat.h"
#include "libs/base/uuid.h"
#include "libs/crypto/fake_authority.h"
#include "libs/http/client.h"
#include "libs/testing/free_port.h"
#include "libs/testing/kafka_server.h"
#include "libs/testing/postgres_server.h"
#include "libs/testing/redis_server.h"
#include "libs/testing/s3_server.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"

namespace cleanmail::app {
namespace {

using policy::v1::MailDisposed;

// Provisioning with an empty directory and one key for every tenant.
class FakeProvisioning final : public provisioning::v1::ProvisioningService::Service {
 public:
  grpc::Status Snapshot(grpc::ServerContext*, const provisioning::v1::SnapshotRequest*,
                        provisioning::v1::SnapshotResponse* reply) override {
    reply->set_position(-1);
    return grpc::Status::OK;
  }
  grpc::Status GetTenantKey(grpc::ServerContext*, const provisioning::v1::GetTenantKeyRequest*,
                            provisioning::v1::GetTenantKeyResponse* reply) override {
    reply->set_key(std::string(32, 'k'));
    return grpc::Status::OK;
  }
};

absl::StatusOr<Service> MakeProvisioning(Environment&) {
  Service service("provisioning");
  service.Serve(std::make_unique<FakeProvisioning>());
  return service;
}

// The engines, which all tests share, and an authority.
struct Engines {
  Engines()
      : folder(base::Cat("/tmp/cleanmail_cluster_", getpid())),
        kafka({.folder = folder + "/kafka"}),
        authority((std::filesystem::create_directories(folder), folder), "authority") {
    for (const absl::Status& started :
         {postgres.Start(), redis.Start(), kafka.Start(), s3.Start()}) {
      if (!started.ok()) status = started;
    }
    std::filesystem::create_directories(s3.FolderOf("cleanmail"));
  }
  ~Engines() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  absl::Status status;
  const std::string folder;
  testing::PostgresServer postgres;
  testing::RedisServer redis;
  testing::KafkaServer kafka;
  testing::S3Server s3;
  crypto::FakeAuthority authority;
};

class ClusterTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    setenv("CLEANMAIL_TEST_S3_SECRET", "secret-of-the-tests", 1);
    engines_ = new Engines();
    ASSERT_TRUE(engines_->status.ok()) << engines_->status;
  }
  static void TearDownTestSuite() {
    delete engines_;
    engines_ = nullptr;
  }

  // The settings of a process of `room`.
  static std::string Settings(const std::string& room, bool with_s3 = true,
                              const std::string& operations = "off") {
    const auto files =
        engines_->authority.Issue(room, {"spiffe://cleanmail/" + room}, absl::Hours(48));
    return base::Cat(
        "app: {profile: cluster, data_folder: ", engines_->folder, "/", room,
        ", operations: {listen: '", operations,
        "'}, rpc: {listen: '127.0.0.1:", room == "provisioning" ? provisioning_port_ : 0,
        "', tls: {certificate: ", files.certificate, ", key: ", files.key,
        ", authority: ", files.authority,
        "}, peers: [{room: provisioning, target: 'ipv4:127.0.0.1:", provisioning_port_,
        "'}]}, kafka: {brokers: ['", engines_->kafka.addresses(),
        "'], partitions: 2}, postgres: {hosts: ['", engines_->postgres.address(),
        "'], database: ", engines_->postgres.database(), ", user: ", engines_->postgres.user(),
        ", tls: disable}, redis: {addresses: ['", engines_->redis.address(), "']}",
        with_s3 ? base::Cat(", s3: {endpoint: '", engines_->s3.endpoint(),
                            "', bucket: cleanmail, access_key: ", engines_->s3.access_key(),
                            ", secret_key: 'env:CLEANMAIL_TEST_S3_SECRET'}")
                : "",
        "}");
  }

  static absl::StatusOr<std::unique_ptr<Process>> Start(
      const std::string& yaml, Factory factory, std::function<bool(absl::Duration)> wait = {}) {
    const std::vector<Factory> factories = {std::move(factory)};
    const auto document = config::Document::Parse(yaml, SectionsOf(factories));
    EXPECT_TRUE(document.ok()) << document.status();
    return Process::Start({.document = *document, .factories = factories, .wait = std::move(wait)});
  }
  static std::unique_ptr<Process> StartProvisioning() {
    auto process = Start(Settings("provisioning"), {"provisioning", &MakeProvisioning});
    EXPECT_TRUE(process.ok()) << process.status();
    return *std::move(process);
  }

  static bool Ready(Process& process) {
    const absl::Time deadline = absl::Now() + absl::Seconds(30);
    while (!process.Ready().ok() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(10));
    return process.Ready().ok();
  }

  static inline Engines* engines_ = nullptr;
  static inline const uint16_t provisioning_port_ = testing::FreePort();
};

TEST_F(ClusterTest, ProcessesShareEventsRowsAndBodies) {
  const auto provisioning = StartProvisioning();
  absl::Notification taken;
  const auto scanner =
      Start(Settings("scanner"),
            {"scanner", [&](Environment& env) -> absl::StatusOr<Service> {
               Service service("scanner");
               env.blobs();
               service.Consume<MailDisposed>([&](std::span<const MailDisposed> batch) {
                 if (!taken.HasBeenNotified()) taken.Notify();
                 return std::vector<absl::Status>(batch.size());
               });
               return service;
             }});
  ASSERT_TRUE(scanner.ok()) << scanner.status();
  ASSERT_TRUE(Ready(*provisioning) && Ready(**scanner)) << (*scanner)->Ready();

  // A body, sealed with the key provisioning gives over the network.
  Environment& here = (*scanner)->environment();
  const blob::BlobName name{.tenant = "acme",
                            .message = base::NewUuid(here.clock(), here.random())};
  absl::StatusOr<std::unique_ptr<blob::Writer>> writer = here.blobs().Create(name);
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_TRUE((*writer)->Append("hello", [] {}));
  absl::Notification kept;
  std::unique_ptr<blob::Finished> body;
  (*writer)->Finish([&](absl::StatusOr<std::unique_ptr<blob::Finished>> finished) {
    EXPECT_TRUE(finished.ok()) << finished.status();
    if (finished.ok()) body = *std::move(finished);
    kept.Notify();
  });
  kept.WaitForNotification();

  // An event that names it.
  MailDisposed event;
  event.set_message_id(name.message);
  bus::Publication publication;
  publication.records.push_back(bus::ToRecord(event));
  publication.bodies.push_back(std::move(body));
  absl::Notification published;
  here.bus().Publish(std::move(publication), [&](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    published.Notify();
  });
  published.WaitForNotification();
  const absl::StatusOr<std::string> read = here.blobs().Read(name);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, "hello");
  EXPECT_TRUE(taken.WaitForNotificationWithTimeout(absl::Seconds(30)));

  // Counters are shared, schemas are not.
  EXPECT_EQ(*here.kv().Add("n", 2, absl::Minutes(1)), 2);
  EXPECT_EQ(*provisioning->environment().kv().Add("n", 3, absl::Minutes(1)), 5);
  const auto database = here.database("scanner");
  ASSERT_TRUE(database.ok()) << database.status();
}

TEST_F(ClusterTest, APeerThatIsAwayIsAWarning) {
  auto provisioning = StartProvisioning();
  const auto policy =
      Start(Settings("policy", false),
            {"policy", [](Environment&) -> absl::StatusOr<Service> { return Service("policy"); }});
  ASSERT_TRUE(policy.ok()) << policy.status();
  ASSERT_TRUE(Ready(**policy)) << (*policy)->Ready();
  EXPECT_TRUE((*policy)->Warnings().empty()) << (*policy)->Warnings()[0];
  provisioning->Stop();
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while ((*policy)->Warnings().empty() && absl::Now() < deadline)
    absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ((*policy)->Warnings(), std::vector<std::string>{"provisioning cannot be reached"});
  EXPECT_TRUE((*policy)->Ready().ok());
}

TEST_F(ClusterTest, ARoomThatUsesWhatIsNotSetIsRefused) {
  const auto scanner = Start(Settings("scanner", false),
                             {"scanner", [](Environment& env) -> absl::StatusOr<Service> {
                                env.blobs();
                                return Service("scanner");
                              }});
  EXPECT_NE(scanner.status().ToString().find("app.s3: is required"), std::string::npos)
      << scanner.status();
}

TEST_F(ClusterTest, AnEngineThatIsNotThereYetIsUnavailableAndNamed) {
  std::string yaml = Settings("scanner");
  const size_t at = yaml.find(engines_->kafka.addresses());
  yaml.replace(at, engines_->kafka.addresses().size(),
               base::Cat("127.0.0.1:", testing::FreePort()));
  const auto scanner = Start(yaml, {"scanner", [](Environment&) -> absl::StatusOr<Service> {
                                      return Service("scanner");
                                    }});
  EXPECT_TRUE(absl::IsUnavailable(scanner.status())) << scanner.status();
  EXPECT_NE(scanner.status().ToString().find("Kafka"), std::string::npos);
}

std::string Readyz(uint16_t port) {
  const auto answer = http::Fetch({.url = base::Cat("http://127.0.0.1:", port, "/readyz")});
  return answer.ok() ? answer->body : std::string(answer.status().message());
}

TEST_F(ClusterTest, AProcessWaitsForAnEngineSaysForWhichAndGoesOn) {
  const auto provisioning = StartProvisioning();
  engines_->s3.Stop();
  const uint16_t port = testing::FreePort();
  absl::StatusOr<std::unique_ptr<Process>> scanner;
  std::atomic<int> waited = 0;
  std::thread starter([&] {
    scanner = Start(Settings("scanner", true, base::Cat("127.0.0.1:", port)),
                    {"scanner",
                     [](Environment& env) -> absl::StatusOr<Service> {
                       env.blobs();
                       return Service("scanner");
                     }},
                    [&](absl::Duration) {
                      ++waited;
                      absl::SleepFor(absl::Milliseconds(50));
                      return true;
                    });
  });
  const absl::Time deadline = absl::Now() + absl::Seconds(40);
  while (waited == 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(10));
  EXPECT_TRUE(Readyz(port).starts_with("not ready: waiting: the object store: ")) << Readyz(port);
  EXPECT_TRUE(engines_->s3.Restart().ok());
  starter.join();
  ASSERT_TRUE(scanner.ok()) << scanner.status();
  EXPECT_TRUE(Ready(**scanner)) << (*scanner)->Ready();
  EXPECT_EQ(Readyz(port).find("waiting"), std::string::npos) << Readyz(port);
}

}  // namespace
}  // namespace cleanmail::app
