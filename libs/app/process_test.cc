#include "libs/app/process.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <thread>

#include <arpa/inet.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/app/test_process.h"
#include "libs/base/cat.h"
#include "libs/net/connection.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"

namespace cleanmail::app {
namespace {

using policy::v1::MailDisposed;

// Provisioning with an empty directory and one key for every tenant but "gone".
class FakeProvisioning final : public provisioning::v1::ProvisioningService::Service {
 public:
  grpc::Status Snapshot(grpc::ServerContext*, const provisioning::v1::SnapshotRequest*,
                        provisioning::v1::SnapshotResponse* reply) override {
    if (failures.fetch_sub(1) > 0) return {grpc::StatusCode::UNAVAILABLE, "not now"};
    reply->set_position(-1);
    return grpc::Status::OK;
  }
  grpc::Status GetTenantKey(grpc::ServerContext*,
                            const provisioning::v1::GetTenantKeyRequest* request,
                            provisioning::v1::GetTenantKeyResponse* reply) override {
    if (request->tenant() == "gone") return {grpc::StatusCode::NOT_FOUND, "no such tenant"};
    reply->set_key(std::string(32, 'k'));
    return grpc::Status::OK;
  }
  static inline std::atomic<int> failures{0};
};

absl::StatusOr<Service> MakeProvisioning(Environment&) {
  Service service("provisioning");
  service.Serve(std::make_unique<FakeProvisioning>());
  return service;
}

std::string Get(int port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{.sin_family = AF_INET,
                 .sin_port = htons(static_cast<uint16_t>(port)),
                 .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)},
                 .sin_zero = {}};
  std::string all;
  if (connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0) {
    const std::string request = "GET " + path + " HTTP/1.0\r\n\r\n";
    EXPECT_GT(send(fd, request.data(), request.size(), MSG_NOSIGNAL), 0);
    char block[4096];
    for (ssize_t got = 0; (got = recv(fd, block, sizeof block, 0)) > 0;)
      all.append(block, static_cast<size_t>(got));
  }
  close(fd);
  return all;
}

void Publish(Environment& env, const std::string& id) {
  MailDisposed event;
  event.set_message_id(id);
  absl::Notification done;
  bus::PublishEvent(env.bus(), event, {}, [&](absl::Status status) {
    EXPECT_TRUE(status.ok()) << status;
    done.Notify();
  });
  done.WaitForNotification();
}

template <class Condition>
bool Eventually(Condition condition) {
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (!condition()) {
    if (absl::Now() > deadline) return false;
    absl::SleepFor(absl::Milliseconds(1));
  }
  return true;
}

TEST(Process, BecomesReadyOnceTheDirectoryIsFilled) {
  FakeProvisioning::failures = 1;
  const auto process = StartForTest("app: {}", {{"provisioning", &MakeProvisioning}});
  const absl::Status ready = process->WaitReady();
  EXPECT_TRUE(ready.ok()) << ready;
  EXPECT_TRUE((*process)->environment().directory().complete());
}

TEST(Process, TheOperationsPortTellsHowItIs) {
  FakeProvisioning::failures = 1'000'000;
  const auto process = StartForTest(
      "app: {master_key: 'env:CLEANMAIL_TEST_MASTER_KEY'}",
      {{"provisioning", [](Environment& env) {
          absl::StatusOr<Service> service = MakeProvisioning(env);
          service->OnWarnings([] { return std::vector<std::string>{"no malware engine"}; });
          return service;
        }}});
  const int port = process->port("operations");
  EXPECT_NE(Get(port, "/livez").find("200 OK"), std::string::npos);
  EXPECT_NE(Get(port, "/readyz").find("503"), std::string::npos);
  FakeProvisioning::failures = 0;
  ASSERT_TRUE(process->WaitReady().ok());
  const std::string ready = Get(port, "/readyz");
  EXPECT_NE(ready.find("200 OK"), std::string::npos) << ready;
  EXPECT_NE(ready.find("warning: provisioning: no malware engine\n"), std::string::npos) << ready;
  EXPECT_NE(Get(port, "/metrics").find("cleanmail_spool_healthy 1\n"), std::string::npos);
  const std::string settings = Get(port, "/configz");
  EXPECT_NE(settings.find("master_key: \"(secret)\""), std::string::npos) << settings;
  EXPECT_EQ(settings.find("CLEANMAIL_TEST_MASTER_KEY"), std::string::npos) << settings;
  EXPECT_NE(Get(port, "/elsewhere").find("404"), std::string::npos);
}

TEST(Process, AnEventThatWasNotFinishedComesAgainAfterARestart) {
  FakeProvisioning::failures = 0;
  std::atomic<int> seen{0};
  std::atomic<bool> away{true};
  const auto process = StartForTest(
      "app: {drain_deadline: 100ms}",
      {{"provisioning", &MakeProvisioning},
       {"quarantine", [&](Environment&) -> absl::StatusOr<Service> {
          Service service("quarantine");
          service.Consume<MailDisposed>([&](std::span<const MailDisposed> batch) {
            seen += static_cast<int>(batch.size());
            return std::vector<absl::Status>(
                batch.size(), away ? absl::UnavailableError("away") : absl::OkStatus());
          });
          return service;
        }}});
  Publish((*process)->environment(), "m1");
  EXPECT_TRUE(Eventually([&] { return seen > 0; }));
  process->Stop();
  away = false;
  seen = 0;
  process->Restart();
  EXPECT_TRUE(Eventually([&] { return seen == 1; }));
  process->Restart();
  absl::SleepFor(absl::Milliseconds(50));
  EXPECT_EQ(seen, 1);
}

TEST(Process, AListenersPortIsKnownByNameAndClosedByTheDrain) {
  FakeProvisioning::failures = 0;
  std::atomic<int> handled{0};
  const auto process = StartForTest(
      "app: {}",
      {{"provisioning", &MakeProvisioning},
       {"ingress", [&](Environment&) -> absl::StatusOr<Service> {
          Service service("ingress");
          service.Listen(
              {.name = "mx", .address = "127.0.0.1:0"},
              [&](std::unique_ptr<net::Connection> connection) {
                ++handled;
                net::Loop& loop = connection->loop();
                net::Spawn(loop, [connection = std::move(connection)]() -> net::Task<void> {
                  (void)co_await connection->Write("220 hello\r\n", absl::Now() + absl::Seconds(5));
                });
              });
          return service;
        }}});
  const int port = process->port("mx");
  EXPECT_EQ(Get(port, "/"), "220 hello\r\n");
  EXPECT_EQ(handled, 1);
  process->Stop();
  EXPECT_EQ(Get(port, "/"), "");
}

TEST(Process, TheDrainWaitsForWhatIsInHand) {
  FakeProvisioning::failures = 0;
  std::vector<std::string> order;
  absl::Notification taken;
  std::atomic<bool> finished{false};
  std::thread worker;
  const auto process = StartForTest(
      "app: {drain_deadline: 10s}",
      {{"provisioning", &MakeProvisioning},
       {"egress", [&](Environment&) -> absl::StatusOr<Service> {
          Service service("egress");
          service.ConsumeLater<MailDisposed>([&](std::vector<bus::Received<MailDisposed>> batch) {
            worker = std::thread([&, batch = std::move(batch)]() mutable {
              taken.Notify();
              absl::SleepFor(absl::Milliseconds(100));
              for (auto& received : batch) received.inbound->Finish(absl::OkStatus());
              finished = true;
            });
          });
          service.OnDrain([&](absl::Time) { order.push_back("drain"); });
          return service;
        }}});
  Publish((*process)->environment(), "m1");
  taken.WaitForNotification();
  process->Stop();
  EXPECT_TRUE(finished);
  EXPECT_EQ(order, std::vector<std::string>{"drain"});
  worker.join();
}

TEST(Process, TimersTickAndStop) {
  FakeProvisioning::failures = 0;
  std::atomic<int> ticks{0};
  const auto process =
      StartForTest("app: {}", {{"provisioning", [&](Environment& env) {
                                  absl::StatusOr<Service> service = MakeProvisioning(env);
                                  service->Every(absl::Milliseconds(5), [&] { ++ticks; });
                                  return service;
                                }}});
  EXPECT_TRUE(Eventually([&] { return ticks >= 3; }));
  process->Stop();
  const int at_stop = ticks;
  absl::SleepFor(absl::Milliseconds(30));
  EXPECT_EQ(ticks, at_stop);
}

TEST(Process, BodiesAreSealedWithTheKeyProvisioningGives) {
  FakeProvisioning::failures = 0;
  const auto process =
      StartForTest("app: {spool: {min_free_bytes: 1MiB}}", {{"provisioning", &MakeProvisioning}});
  blob::BlobStore& blobs = (*process)->environment().blobs();
  EXPECT_FALSE(
      blobs.Create({.tenant = "gone", .message = "0190a0a0-0000-7000-8000-000000000000"}).ok());
  const blob::BlobName name{.tenant = "acme", .message = "0190a0a0-0000-7000-8000-000000000000"};
  absl::StatusOr<std::unique_ptr<blob::Writer>> writer = blobs.Create(name);
  ASSERT_TRUE(writer.ok()) << writer.status();
  EXPECT_TRUE((*writer)->Append("hello", [] {}));
  absl::Notification kept;
  (*writer)->Finish([&](absl::StatusOr<std::unique_ptr<blob::Finished>> finished) {
    ASSERT_TRUE(finished.ok()) << finished.status();
    MailDisposed event;
    event.set_message_id(name.message);
    bus::Publication publication;
    publication.records.push_back(bus::ToRecord(event));
    publication.bodies.push_back(*std::move(finished));
    (*process)->environment().bus().Publish(std::move(publication), [&](absl::Status status) {
      EXPECT_TRUE(status.ok()) << status;
      kept.Notify();
    });
  });
  kept.WaitForNotification();
  EXPECT_EQ(*blobs.Read(name), "hello");
}

TEST(Process, ASecondOneOverTheSameFolderIsRefusedAndTold) {
  FakeProvisioning::failures = 0;
  const auto process = StartForTest("app: {}", {{"provisioning", &MakeProvisioning}});
  const auto second = Process::Start(
      {.document = {}, .data_folder = process->folder() + "/data", .operations = "off"});
  ASSERT_FALSE(second.ok());
  EXPECT_NE(second.status().ToString().find(base::Cat("the process ", getpid(), " has ")),
            std::string::npos)
      << second.status();
}

TEST(Process, TheMasterKeyIsMadeOnceAndMissedWhenGone) {
  FakeProvisioning::failures = 0;
  const auto process = StartForTest("app: {}", {{"provisioning", &MakeProvisioning}});
  const std::string key = (*process)->environment().master_key();
  EXPECT_EQ(key.size(), 32u);
  const std::string file = process->folder() + "/data/master.key";
  struct stat s {};
  ASSERT_EQ(stat(file.c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
  process->Restart();
  EXPECT_EQ((*process)->environment().master_key(), key);
  process->Stop();
  std::filesystem::remove(file);
  const auto without = Process::Start(
      {.document = {}, .data_folder = process->folder() + "/data", .operations = "off"});
  EXPECT_NE(without.status().ToString().find("put it back from your backup"), std::string::npos)
      << without.status();
}

TEST(Process, AFolderOthersMayWriteToIsRefused) {
  const std::string folder = std::string(std::getenv("TEST_TMPDIR")) + "/open";
  std::filesystem::create_directory(folder);
  chmod(folder.c_str(), 0777);
  const auto process = Process::Start({.document = {}, .data_folder = folder, .operations = "off"});
  EXPECT_NE(process.status().ToString().find("chmod 700"), std::string::npos) << process.status();
}

TEST(Process, ARoomThatCannotStartIsNamedAndWhatWasOpenedIsClosed) {
  const std::string folder = std::string(std::getenv("TEST_TMPDIR")) + "/broken";
  const std::vector<Factory> factories = {{"policy", [](Environment&) -> absl::StatusOr<Service> {
                                             return absl::InvalidArgumentError("no rules");
                                           }}};
  for (int i = 0; i < 2; ++i) {
    const auto process = Process::Start(
        {.document = {}, .factories = factories, .data_folder = folder, .operations = "off"});
    EXPECT_EQ(process.status().message(), "policy: no rules");
  }
}

}  // namespace
}  // namespace cleanmail::app

int main(int argc, char** argv) {
  setenv("CLEANMAIL_TEST_MASTER_KEY", std::string(64, 'a').c_str(), 1);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
