#include "libs/app/settings.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <thread>

#include <unistd.h>

#include "google/protobuf/descriptor.h"
#include "google/protobuf/message.h"
#include "libs/base/status_macros.h"

namespace cleanmail::app {
namespace {

absl::Status Wrong(std::string_view key, std::string_view why) {
  return absl::InvalidArgumentError(base::Cat("app.", key, ": ", why));
}

void Default(google::protobuf::Duration& duration, absl::Duration value) {
  if (ToDuration(duration) <= absl::ZeroDuration()) {
    duration.set_seconds(absl::ToInt64Seconds(value));
    duration.set_nanos(0);
  }
}

std::string MachineName() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 && name[0] != '\0' ? name : "localhost";
}

absl::Status Required(const std::string& value, std::string_view key, std::string_view what) {
  return value.empty() ? Wrong(key, base::Cat("is required in a cluster: ", what))
                       : absl::OkStatus();
}

absl::Status OneOf(const std::string& value, std::string_view key,
                   std::initializer_list<std::string_view> choices) {
  std::string listed;
  for (const std::string_view choice : choices) {
    if (value == choice) return absl::OkStatus();
    listed += base::Cat(listed.empty() ? "" : ", ", choice);
  }
  return Wrong(key, base::Cat("\"", value, "\" is not one of ", listed));
}

// Nothing of a cluster's settings stands where it would not be heeded.
absl::Status RefuseCluster(const v1::AppConfig& settings) {
  constexpr std::string_view kWhy = "is for the profile \"cluster\"";
  if (settings.has_kafka()) return Wrong("kafka", kWhy);
  if (settings.has_postgres()) return Wrong("postgres", kWhy);
  if (settings.has_redis()) return Wrong("redis", kWhy);
  if (settings.has_s3()) return Wrong("s3", kWhy);
  if (!settings.rpc().listen().empty()) return Wrong("rpc.listen", kWhy);
  if (settings.rpc().has_tls()) return Wrong("rpc.tls", kWhy);
  if (!settings.rpc().peers().empty()) return Wrong("rpc.peers", kWhy);
  return absl::OkStatus();
}

absl::Status CompleteRpc(v1::Rpc& rpc) {
  if (rpc.listen().empty()) rpc.set_listen("[::]:7000");
  v1::RpcTls& tls = *rpc.mutable_tls();
  if (tls.trust_domain().empty()) tls.set_trust_domain("cleanmail");
  CLEANMAIL_RETURN_IF_ERROR(
      Required(tls.certificate(), "rpc.tls.certificate", "the file of this process's certificate"));
  CLEANMAIL_RETURN_IF_ERROR(Required(tls.key(), "rpc.tls.key", "the file of its key"));
  CLEANMAIL_RETURN_IF_ERROR(Required(tls.authority(), "rpc.tls.authority",
                                     "the file of the authorities that are believed"));
  for (int i = 0; i < rpc.peers_size(); ++i) {
    CLEANMAIL_RETURN_IF_ERROR(Required(rpc.peers(i).room(), base::Cat("rpc.peers[", i, "].room"),
                                       "the name of the room"));
    CLEANMAIL_RETURN_IF_ERROR(Required(rpc.peers(i).target(),
                                       base::Cat("rpc.peers[", i, "].target"),
                                       "where it is, e.g. dns:///policy:7000"));
  }
  return absl::OkStatus();
}

absl::Status CompleteS3(v1::S3& s3) {
  CLEANMAIL_RETURN_IF_ERROR(Required(s3.endpoint(), "s3.endpoint", "https://host:port"));
  CLEANMAIL_RETURN_IF_ERROR(Required(s3.bucket(), "s3.bucket", "the bucket of the bodies"));
  CLEANMAIL_RETURN_IF_ERROR(Required(s3.access_key(), "s3.access_key", "the name of the key"));
  CLEANMAIL_RETURN_IF_ERROR(Required(s3.secret_key().reference(), "s3.secret_key",
                                     "file:/path or env:NAME of the key's secret"));
  if (s3.region().empty()) s3.set_region("us-east-1");
  return absl::OkStatus();
}

absl::Status CompleteCluster(v1::AppConfig& settings) {
  CLEANMAIL_RETURN_IF_ERROR(CompleteRpc(*settings.mutable_rpc()));
  v1::Kafka& kafka = *settings.mutable_kafka();
  if (kafka.brokers().empty())
    return Wrong("kafka.brokers", "is required in a cluster: host:port of some brokers");
  if (kafka.security().empty()) kafka.set_security("plaintext");
  CLEANMAIL_RETURN_IF_ERROR(
      OneOf(kafka.security(), "kafka.security", {"plaintext", "tls", "sasl", "sasl_tls"}));
  if (kafka.security().starts_with("sasl"))
    CLEANMAIL_RETURN_IF_ERROR(Required(kafka.user(), "kafka.user", "security is sasl"));
  if (kafka.partitions() == 0) kafka.set_partitions(12);
  v1::Postgres& postgres = *settings.mutable_postgres();
  if (postgres.database().empty()) postgres.set_database("cleanmail");
  if (postgres.tls().empty()) postgres.set_tls("verify-full");
  CLEANMAIL_RETURN_IF_ERROR(
      OneOf(postgres.tls(), "postgres.tls", {"disable", "require", "verify-ca", "verify-full"}));
  if (postgres.connections() == 0) postgres.set_connections(8);
  return settings.has_s3() ? CompleteS3(*settings.mutable_s3()) : absl::OkStatus();
}

// The section's message, or null when this program has no proto for it.
std::unique_ptr<google::protobuf::Message> SectionMessage(const std::string& room) {
  std::string type = base::Cat("cleanmail.", room, ".v1.", room, "Config");
  type[type.size() - room.size() - 6] =
      static_cast<char>(std::toupper(static_cast<unsigned char>(room[0])));
  const auto* descriptor =
      google::protobuf::DescriptorPool::generated_pool()->FindMessageTypeByName(type);
  if (descriptor == nullptr) return nullptr;
  const auto* prototype =
      google::protobuf::MessageFactory::generated_factory()->GetPrototype(descriptor);
  return std::unique_ptr<google::protobuf::Message>(prototype->New());
}

}  // namespace

absl::StatusOr<v1::AppConfig> LoadSettings(const config::Document& document,
                                           const SettingsOverrides& overrides) {
  CLEANMAIL_ASSIGN_OR_RETURN(v1::AppConfig settings, document.Section<v1::AppConfig>());
  if (!overrides.data_folder.empty()) settings.set_data_folder(overrides.data_folder);
  if (settings.profile().empty()) settings.set_profile("standalone");
  if (settings.profile() != "standalone" && settings.profile() != "cluster")
    return Wrong("profile",
                 base::Cat("\"", settings.profile(), "\" is not one of standalone, cluster"));
  if (settings.data_folder().empty()) {
    return Wrong("data_folder",
                 "is required: the folder that holds everything the gateway must not lose, e.g. "
                 "/var/lib/cleanmail");
  }
  if (settings.host_name().empty()) settings.set_host_name(MachineName());
  if (settings.instance().empty()) settings.set_instance(base::Cat(MachineName(), "-", getpid()));
  CLEANMAIL_RETURN_IF_ERROR(settings.profile() == "cluster" ? CompleteCluster(settings)
                                                            : RefuseCluster(settings));
  if (settings.operations().listen().empty()) {
    settings.mutable_operations()->set_listen(overrides.operations.empty() ? "127.0.0.1:9090"
                                                                           : overrides.operations);
  }
  if (settings.rpc().socket().empty()) settings.mutable_rpc()->set_socket("cleanmail.sock");
  Default(*settings.mutable_rpc()->mutable_deadline(), absl::Seconds(5));
  v1::Log& log = *settings.mutable_log();
  if (log.level().empty()) log.set_level("info");
  if (log.level() != "debug" && log.level() != "info" && log.level() != "warning" &&
      log.level() != "error") {
    return Wrong("log.level",
                 base::Cat("\"", log.level(), "\" is not one of debug, info, warning, error"));
  }
  if (log.mail_log().empty()) log.set_mail_log("mail.log");
  Default(*settings.mutable_dns()->mutable_timeout(), absl::Seconds(5));
  if (settings.dns().cache_entries() == 0) settings.mutable_dns()->set_cache_entries(20'000);
  v1::Spool& spool = *settings.mutable_spool();
  if (spool.min_free_bytes() == 0) spool.set_min_free_bytes(int64_t{1} << 30);
  Default(*spool.mutable_body_life(), absl::Hours(192));
  Default(*spool.mutable_event_life(), absl::Hours(24));
  const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  v1::Threads& threads = *settings.mutable_threads();
  if (threads.loops() == 0) threads.set_loops(std::min(cores, 4));
  if (threads.workers() == 0) threads.set_workers(std::max(cores, 2));
  if (threads.loops() > 256) return Wrong("threads.loops", "more than 256 event loops help nobody");
  if (threads.workers() > 256) return Wrong("threads.workers", "more than 256 workers help nobody");
  Default(*settings.mutable_drain_deadline(), absl::Seconds(10));
  return settings;
}

absl::Status CheckSections(const config::Document& document,
                           const std::vector<std::string>& rooms) {
  for (const std::string& room : rooms) {
    if (const auto section = SectionMessage(room); section != nullptr)
      CLEANMAIL_RETURN_IF_ERROR(document.Fill(*section));
  }
  return absl::OkStatus();
}

std::string PrintSettings(const v1::AppConfig& settings, const config::Document& document,
                          const std::vector<std::string>& rooms) {
  std::string text = config::Print(settings, "app");
  for (const std::string& room : rooms) {
    const auto section = SectionMessage(room);
    if (section != nullptr && document.Fill(*section).ok()) text += config::Print(*section, room);
  }
  return text;
}

absl::Duration ToDuration(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

telemetry::Level LevelOf(const v1::AppConfig& settings) {
  const std::string& level = settings.log().level();
  if (level == "debug") return telemetry::Level::kDebug;
  if (level == "warning") return telemetry::Level::kWarning;
  if (level == "error") return telemetry::Level::kError;
  return telemetry::Level::kInfo;
}

std::string InDataFolder(const v1::AppConfig& settings, const std::string& name) {
  return name.starts_with('/') ? name : base::Cat(settings.data_folder(), "/", name);
}

}  // namespace cleanmail::app
