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
  if (settings.profile() != "standalone")
    return Wrong("profile", "this program knows the profile \"standalone\" only");
  if (settings.data_folder().empty()) {
    return Wrong("data_folder",
                 "is required: the folder that holds everything the gateway must not lose, e.g. "
                 "/var/lib/cleanmail");
  }
  if (settings.host_name().empty()) settings.set_host_name(MachineName());
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
