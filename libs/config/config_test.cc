#include "libs/config/config.h"

#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "libs/base/cat.h"
#include "proto/cleanmail/ingress/v1/config.pb.h"

namespace cleanmail::config {
namespace {

using app::v1::AppConfig;
using ingress::v1::IngressConfig;

const std::vector<std::string> kSections = {"app", "ingress", "quarantine"};

absl::StatusOr<Document> Parse(std::string_view text) {
  return Document::Parse(text, kSections, "test.yaml");
}

template <class T>
std::string ErrorOf(std::string_view text) {
  const auto document = Parse(text);
  if (!document.ok()) return std::string(base::View(document.status().message()));
  const auto section = document->Section<T>();
  return section.ok() ? "" : std::string(base::View(section.status().message()));
}

TEST(Config, ASectionFillsItsProto) {
  const auto document = Parse(R"(
app:
  data_folder: /var/lib/cleanmail
  drain_deadline: 1m30s
  master_key: file:/etc/cleanmail/key
  dns:
    forwarders: [127.0.0.1@5353, "::1"]
    timeout: 250ms
  spool: {min_free_bytes: 50MiB, body_life: 192h}
ingress:
  listeners:
    - name: mx
      listen: "[::]:25"
      role: mx
      certificates:
        - {chain_file: a.pem, key_file: a.key}
    - name: out
      listen: 127.0.0.1:587
      role: ROLE_SMART_HOST
      require_tls: true
  limits:
    message_bytes: 10 MB
)");
  ASSERT_TRUE(document.ok()) << document.status();
  const auto app = document->Section<AppConfig>();
  ASSERT_TRUE(app.ok()) << app.status();
  EXPECT_EQ(app->data_folder(), "/var/lib/cleanmail");
  EXPECT_EQ(app->drain_deadline().seconds(), 90);
  EXPECT_EQ(app->master_key().reference(), "file:/etc/cleanmail/key");
  EXPECT_EQ(app->dns().forwarders(1), "::1");
  EXPECT_EQ(app->dns().timeout().nanos(), 250'000'000);
  EXPECT_EQ(app->spool().min_free_bytes(), 50 << 20);
  EXPECT_EQ(app->spool().body_life().seconds(), 192 * 3600);
  const auto ingress = document->Section<IngressConfig>();
  ASSERT_TRUE(ingress.ok()) << ingress.status();
  ASSERT_EQ(ingress->listeners_size(), 2);
  EXPECT_EQ(ingress->listeners(0).role(), ingress::v1::ROLE_MX);
  EXPECT_EQ(ingress->listeners(0).certificates(0).key_file(), "a.key");
  EXPECT_EQ(ingress->listeners(1).role(), ingress::v1::ROLE_SMART_HOST);
  EXPECT_TRUE(ingress->listeners(1).require_tls());
  EXPECT_EQ(ingress->limits().message_bytes(), 10'000'000);
}

TEST(Config, AnAbsentSectionIsItsDefaults) {
  EXPECT_EQ(Parse("app: {data_folder: x}")->Section<IngressConfig>()->listeners_size(), 0);
  EXPECT_TRUE(Parse("")->Section<AppConfig>().ok());
  EXPECT_TRUE(Parse("app:\n")->Section<AppConfig>().ok());
  EXPECT_TRUE(Document().Section<AppConfig>().ok());
}

TEST(Config, AnUnknownKeyIsRefusedWithPathValueAndTheNearestKey) {
  EXPECT_EQ(ErrorOf<AppConfig>("app:\n  dns:\n    forwarder: 127.0.0.1\n"),
            "test.yaml:3: app.dns.forwarder: unknown key (value \"127.0.0.1\"); did you mean "
            "\"forwarders\"?; app.dns knows forwarders, "
            "timeout, cache_entries, records, records_only");
  EXPECT_EQ(ErrorOf<AppConfig>("ap:\n  x: 1\n"),
            "test.yaml:1: unknown section \"ap\"; did you mean \"app\"?");
}

struct Refusal {
  const char* yaml;
  const char* error;
};
class ConfigRefusal : public ::testing::TestWithParam<Refusal> {};

TEST_P(ConfigRefusal, SaysWhereAndWhatWouldBeRight) {
  EXPECT_EQ(ErrorOf<IngressConfig>(GetParam().yaml) + ErrorOf<AppConfig>(GetParam().yaml),
            GetParam().error);
}

INSTANTIATE_TEST_SUITE_P(
    Table, ConfigRefusal,
    ::testing::Values(
        Refusal{"ingress:\n  listeners:\n    - role: mxx\n",
                "test.yaml:3: ingress.listeners[0].role: \"mxx\" is not one of mx, smart_host; did "
                "you mean \"mx\"?"},
        Refusal{
            "ingress: {listeners: [{role: unspecified}]}",
            "test.yaml:1: ingress.listeners[0].role: \"unspecified\" is not one of mx, smart_host"},
        Refusal{"ingress: {listeners: {name: x}}",
                "test.yaml:1: ingress.listeners: must be a list, each entry on a line of its own "
                "after \"- \""},
        Refusal{"ingress: {listeners: [x]}",
                "test.yaml:1: ingress.listeners[0]: must be a section of keys and values"},
        Refusal{"ingress: {listeners: [{require_tls: yes}]}",
                "test.yaml:1: ingress.listeners[0].require_tls: \"yes\" is neither true nor false"},
        Refusal{"ingress: {limits: {errors: -1}}",
                "test.yaml:1: ingress.limits.errors: \"-1\" is negative"},
        Refusal{"ingress: {limits: {errors: 1.5}}",
                "test.yaml:1: ingress.limits.errors: \"1.5\" is not a whole number"},
        Refusal{"ingress: {limits: {errors: 3000000000}}",
                "test.yaml:1: ingress.limits.errors: \"3000000000\" is too large"},
        Refusal{"ingress: {limits: {errors: }}",
                "test.yaml:1: ingress.limits.errors: has no value"},
        Refusal{"ingress: {limits: {message_bytes: 50 XB}}",
                "test.yaml:1: ingress.limits.message_bytes: \"50 XB\" is not a size; one is "
                "written like 52428800, 50MiB or 10 MB"},
        Refusal{"ingress: {limits: {message_bytes: 9999999 TiB}}",
                "test.yaml:1: ingress.limits.message_bytes: \"9999999 TiB\" is too large"},
        Refusal{"ingress: {timeouts: {command: 5}}",
                "test.yaml:1: ingress.timeouts.command: \"5\" has no unit; a duration is written "
                "like 5s, 1m30s, 192h or 250ms"},
        Refusal{"ingress: {timeouts: {command: 5s1m}}",
                "test.yaml:1: ingress.timeouts.command: \"5s1m\" is not a duration; a duration is "
                "written like 5s, 1m30s, 192h or 250ms"},
        Refusal{"ingress: {timeouts: {command: -5s}}",
                "test.yaml:1: ingress.timeouts.command: \"-5s\" is not a duration; a duration is "
                "written like 5s, 1m30s, 192h or 250ms"},
        Refusal{"ingress: {timeouts: {command: 99999999999999d}}",
                "test.yaml:1: ingress.timeouts.command: \"99999999999999d\" is too long; a "
                "duration is written like 5s, 1m30s, 192h or 250ms"},
        Refusal{"app: {data_folder: [a]}",
                "test.yaml:1: app.data_folder: must be one value, not a list or a section"},
        Refusal{"app: {data_folder: a, data_folder: b}",
                "test.yaml:1: the key \"data_folder\" stands here twicetest.yaml:1: the key "
                "\"data_folder\" stands here twice"},
        Refusal{"app: {master_key: hunter2}",
                "test.yaml:1: app.master_key: must name where the secret is, as file:/path or "
                "env:NAME; secrets are not written here"}));

TEST(Config, WhatIsNotYamlIsRefusedWithItsLine) {
  EXPECT_TRUE(ErrorOf<AppConfig>("app:\n  - [\n").starts_with("test.yaml:"))
      << ErrorOf<AppConfig>("app:\n  - [\n");
  EXPECT_FALSE(Parse("- a\n- b\n").ok());
  EXPECT_FALSE(Parse("app: x").ok());
  EXPECT_FALSE(Parse("{[a]: b}").ok());
  EXPECT_FALSE(Parse("app: *nowhere").ok());
  EXPECT_FALSE(Parse(std::string_view("app:\0", 5)).ok());
}

TEST(Config, AliasesOfAliasesAreRefusedAndSmallOnesAreNot) {
  std::string laughs = "app:\n  a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    laughs += base::Cat("  a", i, ": &a", i, " [");
    for (int j = 0; j < 10; ++j) laughs += base::Cat(j == 0 ? "" : ",", "*a", i - 1);
    laughs += "]\n";
  }
  EXPECT_NE(ErrorOf<AppConfig>(laughs).find("aliases"), std::string::npos)
      << ErrorOf<AppConfig>(laughs);
  EXPECT_EQ(
      ErrorOf<AppConfig>(
          "app: {dns: {forwarders: &f [a]}}\ningress: {listeners: [{name: x, proxy_from: *f}]}"),
      "");
  EXPECT_FALSE(Parse("app: &a {x: *a}").ok());
}

TEST(Config, DepthAndSizeAreBounded) {
  EXPECT_FALSE(Parse("app: " + std::string(50, '[') + std::string(50, ']')).ok());
  EXPECT_FALSE(Parse("app: " + std::string(100'000, '[')).ok());
  EXPECT_FALSE(Parse("# " + std::string(2 << 20, 'x')).ok());
}

TEST(Config, AFileThatIsNotThereIsNamed) {
  const absl::Status status = Document::Load("/nowhere/cleanmail.yaml", kSections).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_NE(status.ToString().find("/nowhere/cleanmail.yaml"), std::string::npos);
}

TEST(Secrets, ComeFromFilesAndTheEnvironmentOnly) {
  const std::string path = std::string(std::getenv("TEST_TMPDIR")) + "/secret";
  std::ofstream(path) << "  hunter2\n";
  app::v1::Secret secret;
  secret.set_reference("file:" + path);
  EXPECT_EQ(*ResolveSecret(secret), "hunter2");
  setenv("CLEANMAIL_TEST_SECRET", "hunter3", 1);
  secret.set_reference("env:CLEANMAIL_TEST_SECRET");
  EXPECT_EQ(*ResolveSecret(secret), "hunter3");
  secret.set_reference("env:CLEANMAIL_NOT_THERE");
  EXPECT_EQ(ResolveSecret(secret).status().code(), absl::StatusCode::kNotFound);
  secret.set_reference("hunter2");
  EXPECT_EQ(ResolveSecret(secret).status().ToString().find("hunter2"), std::string::npos);
}

TEST(Print, GivesWhatParseReadsWithSecretsMasked) {
  const std::string yaml =
      "app:\n  data_folder: \"/x \\\"y\\\" \\x0a\"\n  master_key: \"(secret)\"\n  dns:\n    "
      "forwarders:\n      - \"a\"\n      - \"b\"\n"
      "    timeout: 1m30s\n  spool:\n    min_free_bytes: 5\n";
  AppConfig app;
  app.set_data_folder("/x \"y\" \n");
  app.mutable_master_key()->set_reference("file:/secret");
  app.mutable_dns()->add_forwarders("a");
  app.mutable_dns()->add_forwarders("b");
  app.mutable_dns()->mutable_timeout()->set_seconds(90);
  app.mutable_spool()->set_min_free_bytes(5);
  EXPECT_EQ(Print(app, "app"), yaml);
  app.clear_master_key();
  const auto again = Parse(Print(app, "app"))->Section<AppConfig>();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), app.SerializeAsString());
  IngressConfig ingress;
  ingress.add_listeners()->set_role(ingress::v1::ROLE_SMART_HOST);
  ingress.mutable_listeners(0)->set_name("x");
  const auto ingress_again = Parse(Print(ingress, "ingress"))->Section<IngressConfig>();
  ASSERT_TRUE(ingress_again.ok()) << ingress_again.status() << Print(ingress, "ingress");
  EXPECT_EQ(ingress_again->SerializeAsString(), ingress.SerializeAsString());
}

}  // namespace
}  // namespace cleanmail::config
