#include "libs/app/settings.h"

#include <fstream>

#include <gtest/gtest.h>

#include "libs/app/run_main.h"
#include "libs/base/cat.h"
#include "proto/cleanmail/quarantine/v1/config.pb.h"

namespace cleanmail::app {
namespace {

config::Document Parse(std::string_view yaml) {
  const std::vector<std::string> sections = {"app", "quarantine"};
  return *config::Document::Parse(yaml, sections);
}

// A cluster's settings, complete but for the engines.
std::string Cluster(const std::string& engines) {
  return base::Cat(
      "app: {data_folder: x, profile: cluster, rpc: {tls: {certificate: c, key: k, authority: "
      "a}}, ",
      engines, "}");
}

TEST(Settings, OfAClusterHaveTheirDefaults) {
  const auto settings = LoadSettings(
      Parse(Cluster("kafka: {brokers: [a]}, postgres: {hosts: [b]}, s3: {endpoint: e, bucket: b, "
                    "access_key: k, secret_key: \"env:S\"}")));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->rpc().listen(), "[::]:7000");
  EXPECT_EQ(settings->rpc().tls().trust_domain(), "cleanmail");
  EXPECT_EQ(settings->kafka().security(), "plaintext");
  EXPECT_EQ(settings->postgres().tls(), "verify-full");
  EXPECT_EQ(settings->s3().region(), "us-east-1");
  EXPECT_FALSE(settings->instance().empty());
}

TEST(Settings, HaveTheirDefaults) {
  const auto settings = LoadSettings(Parse("app: {data_folder: /data}"));
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->profile(), "standalone");
  EXPECT_EQ(settings->operations().listen(), "127.0.0.1:9090");
  EXPECT_EQ(InDataFolder(*settings, settings->rpc().socket()), "/data/cleanmail.sock");
  EXPECT_EQ(InDataFolder(*settings, "/run/x"), "/run/x");
  EXPECT_EQ(ToDuration(settings->spool().body_life()), absl::Hours(192));
  EXPECT_GE(settings->threads().workers(), 2);
}

TEST(Settings, TheDataFolderIsRequiredAndForbiddenValuesAreNamed) {
  for (const auto& [yaml, key] : std::vector<std::pair<std::string, std::string>>{
           {"app: {}", "app.data_folder"},
           {"app: {data_folder: x, profile: both}", "app.profile"},
           {"app: {data_folder: x, s3: {bucket: b}}", "app.s3"},
           {"app: {data_folder: x, rpc: {listen: \"[::]:7000\"}}", "app.rpc.listen"},
           {"app: {data_folder: x, profile: cluster}", "app.rpc.tls.certificate"},
           {Cluster("kafka: {}"), "app.kafka.brokers"},
           {Cluster("kafka: {brokers: [a], security: none}"), "app.kafka.security"},
           {Cluster("kafka: {brokers: [a], security: sasl}"), "app.kafka.user"},
           {Cluster("kafka: {brokers: [a]}, postgres: {tls: maybe}"), "app.postgres.tls"},
           {Cluster("kafka: {brokers: [a]}, s3: {endpoint: e}"), "app.s3.bucket"},
           {"app: {data_folder: x, log: {level: loud}}", "app.log.level"},
           {"app: {data_folder: x, threads: {loops: 1000}}", "app.threads.loops"}}) {
    const absl::Status status = LoadSettings(Parse(yaml)).status();
    EXPECT_TRUE(base::View(status.message()).starts_with(key)) << status;
  }
}

TEST(Settings, SectionsOfRoomsAreCheckedByTheirProto) {
  // Mentioned so that its descriptor is linked in, as a room's own code would.
  EXPECT_EQ(quarantine::v1::QuarantineConfig::descriptor()->name(), "QuarantineConfig");
  EXPECT_TRUE(CheckSections(Parse("quarantine: {hold_life: 720h}"), {"quarantine"}).ok());
  EXPECT_FALSE(CheckSections(Parse("quarantine: {hold_live: 720h}"), {"quarantine"}).ok());
  const auto document = Parse("app: {data_folder: /data}\nquarantine: {hold_life: 720h}");
  EXPECT_NE(PrintSettings(*LoadSettings(document), document, {"quarantine"})
                .find("quarantine:\n  hold_life: 720h\n"),
            std::string::npos);
}

int RunWith(std::vector<std::string> arguments) {
  std::vector<char*> argv = {const_cast<char*>("cleanmail")};
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return RunMain(static_cast<int>(argv.size()), argv.data(), {{"quarantine", nullptr}});
}

TEST(RunMain, ChecksAConfigurationWithoutStarting) {
  const std::string file = std::string(std::getenv("TEST_TMPDIR")) + "/c.yaml";
  std::ofstream(file) << "app: {data_folder: /nowhere}\nquarantine: {hold_life: 1h}\n";
  EXPECT_EQ(RunWith({"--check-config", "--config", file}), 0);
  EXPECT_EQ(RunWith({"--print-config", "--config=" + file}), 0);
  std::ofstream(file) << "app: {data_folder: /nowhere}\nquarantine: {hold_life: 1}\n";
  EXPECT_EQ(RunWith({"--check-config", "--config", file}), 1);
  EXPECT_EQ(RunWith({"--config", "/nowhere/c.yaml"}), 1);
}

TEST(RunMain, KnowsItsFlags) {
  EXPECT_EQ(RunWith({"--version"}), 0);
  EXPECT_EQ(RunWith({"--help"}), 0);
  EXPECT_EQ(RunWith({"--confg"}), 2);
  EXPECT_EQ(RunWith({"--config"}), 2);
}

}  // namespace
}  // namespace cleanmail::app
