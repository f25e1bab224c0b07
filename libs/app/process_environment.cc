#include "libs/app/process_environment.h"

#include <fstream>

#include "absl/time/clock.h"
#include "libs/app/settings.h"
#include "libs/base/status_macros.h"
#include "libs/dns/caching_resolver.h"
#include "libs/dns/metered_resolver.h"
#include "libs/dns/unbound_resolver.h"

namespace cleanmail::app {
namespace {

// Resident memory of this process in bytes, 0 if /proc does not say.
double ResidentBytes() {
  std::ifstream in("/proc/self/statm");
  int64_t size = 0;
  int64_t resident = 0;
  in >> size >> resident;
  return static_cast<double>(resident) * 4096;
}

}  // namespace

ProcessEnvironment::~ProcessEnvironment() { Close(); }

void ProcessEnvironment::Close() {
  metrics_.RemoveCallbacks(this);
  StopFollowing();
  if (loops_ != nullptr) loops_->Stop(absl::Now());
}

absl::Status ProcessEnvironment::OpenGround() {
  CLEANMAIL_ASSIGN_OR_RETURN(folder_, DataFolder::Open(settings_.data_folder()));
  const std::string& log_file = settings_.log().file();
  log_ = telemetry::MakeLog(log_file.empty() ? "" : InDataFolder(settings_, log_file),
                            LevelOf(settings_));
  mail_log_ = settings_.log().mail_log() == "off"
                  ? telemetry::MakeNullLog()
                  : telemetry::MakeLog(InDataFolder(settings_, settings_.log().mail_log()),
                                       telemetry::Level::kInfo);
  // In a cluster only who wraps the tenants' keys has it, and it must be the same for all of these.
  if (settings_.profile() == "standalone" || settings_.has_master_key()) {
    CLEANMAIL_ASSIGN_OR_RETURN(master_key_, folder_->MasterKey(settings_, random_));
  }
  loops_ = net::Loops::Create(settings_.threads().loops());
  metrics_.AddCallback(this, "cleanmail_app_resident_bytes", "Resident memory of the process.", {},
                       &ResidentBytes);
  metrics_.AddCallback(
      this, "cleanmail_app_start_time_seconds", "When the process started, seconds since 1970.", {},
      [started = absl::ToUnixSeconds(clock_.Now())] { return static_cast<double>(started); });
  return OpenResolver();
}

absl::Status ProcessEnvironment::OpenResolver() {
  const v1::Dns& dns = settings_.dns();
  absl::StatusOr<std::unique_ptr<dns::UnboundResolver>> unbound = dns::UnboundResolver::Create(
      {.forwarders = {dns.forwarders().begin(), dns.forwarders().end()},
       .records = {dns.records().begin(), dns.records().end()},
       .records_only = dns.records_only(),
       .timeout = ToDuration(dns.timeout())});
  if (!unbound.ok()) return base::Annotate(unbound.status(), "app.dns");
  resolver_ = std::make_unique<dns::MeteredResolver>(*std::move(unbound), metrics_);
  resolver_ = std::make_unique<dns::CachingResolver>(
      std::move(resolver_), clock_,
      dns::CachingResolver::Options{.most_entries = static_cast<size_t>(dns.cache_entries())});
  return absl::OkStatus();
}

void ProcessEnvironment::OpenHouse(bus::Bus& bus, rpc::Channels& channels) {
  peers_ = std::make_unique<rpc::Peers>(channels);
  authorizer_ = std::make_unique<authz::Authorizer>(bus, clock_, *log_, &tenants_);
  follower_ = std::make_unique<directory::Follower>(bus, *peers_, directory_);
}

absl::Status ProcessEnvironment::FillDirectory() {
  return follower_->Fill(absl::Now() + ToDuration(settings_.rpc().deadline()));
}

rpc::Server::Options ProcessEnvironment::SocketOptions() const {
  return {.socket_path = InDataFolder(settings_, settings_.rpc().socket())};
}

void ProcessEnvironment::OnDeadLetter(std::string_view topic, std::string_view group,
                                      const absl::Status& reason) {
  metrics_
      .AddCounter("cleanmail_bus_dead_letters_total", "Events a consumer gave up on.",
                  {{"topic", std::string(topic)}, {"group", std::string(group)}})
      .Add();
  log_->Error("bus.dead_letter",
              {{"topic", topic}, {"group", group}, {"error", base::View(reason.message())}});
}

void ProcessEnvironment::SweepBodies() {
  const absl::StatusOr<int64_t> swept = blobs().Sweep();
  if (!swept.ok()) {
    log_->Warning("spool.not_swept", {{"error", base::View(swept.status().message())}});
  } else if (*swept > 0) {
    log_->Info("spool.swept", {{"bodies", *swept}});
  }
}

}  // namespace cleanmail::app
