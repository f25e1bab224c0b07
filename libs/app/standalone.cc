#include "libs/app/standalone.h"

#include <fstream>
#include <map>

#include <fcntl.h>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/app/data_folder.h"
#include "libs/app/directory_tenants.h"
#include "libs/app/settings.h"
#include "libs/app/tenant_keys.h"
#include "libs/base/status_macros.h"
#include "libs/bus/journal.h"
#include "libs/directory/follower.h"
#include "libs/dns/caching_resolver.h"
#include "libs/dns/metered_resolver.h"
#include "libs/dns/unbound_resolver.h"
#include "libs/store/blob/spool_blob_store.h"
#include "libs/store/kv/memory_kv_store.h"
#include "libs/store/spool/spool.h"
#include "libs/store/sql/sqlite_database.h"

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

class Standalone final : public StandaloneEnvironment {
 public:
  Standalone(const config::Document& document, const v1::AppConfig& settings)
      : document_(document), settings_(settings) {}

  ~Standalone() override {
    metrics_.RemoveCallbacks(this);
    StopFollowing();
    if (loops_ != nullptr) loops_->Stop(absl::Now());
  }

  absl::Status Open() {
    CLEANMAIL_ASSIGN_OR_RETURN(folder_, DataFolder::Open(settings_.data_folder()));
    const std::string& log_file = settings_.log().file();
    log_ = telemetry::MakeLog(log_file.empty() ? "" : InDataFolder(settings_, log_file),
                              LevelOf(settings_));
    mail_log_ = settings_.log().mail_log() == "off"
                    ? telemetry::MakeNullLog()
                    : telemetry::MakeLog(InDataFolder(settings_, settings_.log().mail_log()),
                                         telemetry::Level::kInfo);
    CLEANMAIL_ASSIGN_OR_RETURN(master_key_, folder_->MasterKey(settings_, random_));
    CLEANMAIL_RETURN_IF_ERROR(OpenStores());
    loops_ = net::Loops::Create(settings_.threads().loops());
    CLEANMAIL_RETURN_IF_ERROR(OpenResolver());
    authorizer_ = std::make_unique<authz::Authorizer>(*journal_, clock_, *log_, &tenants_);
    follower_ = std::make_unique<directory::Follower>(*journal_, peers_, directory_);
    metrics_.AddCallback(this, "cleanmail_app_resident_bytes", "Resident memory of the process.",
                         {}, &ResidentBytes);
    metrics_.AddCallback(
        this, "cleanmail_app_start_time_seconds", "When the process started, seconds since 1970.",
        {}, [started = absl::ToUnixSeconds(clock_.Now())] { return static_cast<double>(started); });
    return absl::OkStatus();
  }

  const v1::AppConfig& app_config() const override { return settings_; }
  const config::Document& document() const override { return document_; }
  base::Clock& clock() override { return clock_; }
  base::Random& random() override { return random_; }
  telemetry::Log& log() override { return *log_; }
  telemetry::Log& mail_log() override { return *mail_log_; }
  telemetry::MetricsRegistry& metrics() override { return metrics_; }
  net::Loops& loops() override { return *loops_; }
  dns::Resolver& resolver() override { return *resolver_; }
  bus::Bus& bus() override { return *journal_; }
  blob::BlobStore& blobs() override { return *blobs_; }
  kv::KvStore& kv() override { return *kv_; }
  rpc::Peers& peers() override { return peers_; }
  rpc::LocalChannels& channels() override { return channels_; }
  authz::Authorizer& authz() override { return *authorizer_; }
  directory::Directory& directory() override { return directory_; }
  bool owns_databases() const override { return true; }
  std::string instance() const override { return settings_.host_name(); }
  const std::string& master_key() const override { return master_key_; }

  absl::StatusOr<sql::Database*> database(std::string_view service) override {
    absl::MutexLock lock(&mutex_);
    auto it = databases_.find(service);
    if (it == databases_.end()) {
      absl::StatusOr<std::unique_ptr<sql::Database>> opened =
          sql::OpenSqlite(base::Cat(settings_.data_folder(), "/", service, ".sqlite"));
      if (!opened.ok())
        return base::Annotate(opened.status(), base::Cat("the database of ", service));
      it = databases_.emplace(service, *std::move(opened)).first;
    }
    return it->second.get();
  }

  absl::Status FillDirectory() override {
    return follower_->Fill(absl::Now() + ToDuration(settings_.rpc().deadline()));
  }
  void StopFollowing() override { follower_.reset(); }

  void TrimEvents() override {
    if (const absl::Status trimmed = journal_->Trim(); !trimmed.ok()) {
      log_->Warning("spool.not_trimmed", {{"error", base::View(trimmed.message())}});
    }
  }

  void SweepBodies() override {
    const absl::StatusOr<int64_t> swept = blobs_->Sweep();
    if (!swept.ok()) {
      log_->Warning("spool.not_swept", {{"error", base::View(swept.status().message())}});
    } else if (*swept > 0) {
      log_->Info("spool.swept", {{"bodies", *swept}});
    }
  }

  std::vector<std::string> Warnings() override {
    std::vector<std::string> warnings;
    if (folder_->open_to_others())
      warnings.push_back(base::Cat("others may read the data folder: chmod 700 ", folder_->path()));
    if (const absl::Status accepting = journal_->Accepting(); !accepting.ok()) {
      warnings.push_back(base::Cat("new mail is answered 451: ", accepting.message()));
    }
    if (const int64_t dead = journal_->dead_letters(); dead > 0) {
      warnings.push_back(base::Cat(
          dead, " events could not be handled since the start and lie with the dead letters"));
    }
    return warnings;
  }

 private:
  absl::Status OpenStores() {
    const std::string path = base::Cat(settings_.data_folder(), "/spool");
    absl::StatusOr<std::unique_ptr<spool::Spool>> spool = spool::Spool::Open(path);
    if (!spool.ok()) return base::Annotate(spool.status(), base::Cat("the spool ", path));
    spool_ = *std::move(spool);
    bus::JournalOptions options;
    options.min_free_bytes = settings_.spool().min_free_bytes();
    options.event_life = ToDuration(settings_.spool().event_life());
    options.on_dead_letter = [this](std::string_view topic, std::string_view group,
                                    const absl::Status& reason) {
      metrics_
          .AddCounter("cleanmail_bus_dead_letters_total", "Events a consumer gave up on.",
                      {{"topic", std::string(topic)}, {"group", std::string(group)}})
          .Add();
      log_->Error("bus.dead_letter",
                  {{"topic", topic}, {"group", group}, {"error", base::View(reason.message())}});
    };
    CLEANMAIL_ASSIGN_OR_RETURN(journal_, bus::Journal::Create(*spool_, clock_, options));
    keys_ = std::make_unique<RpcTenantKeys>(peers_, clock_, ToDuration(settings_.rpc().deadline()));
    blobs_ = blob::SpoolBlobStore::Create(*spool_, *keys_, clock_, random_,
                                          {.body_life = ToDuration(settings_.spool().body_life()),
                                           .min_free_bytes = settings_.spool().min_free_bytes()});
    kv_ = kv::MakeMemoryKvStore(clock_, 1'000'000);
    metrics_.AddCallback(this, "cleanmail_spool_free_bytes", "Bytes free for the spool.", {},
                         [this] {
                           const absl::StatusOr<int64_t> free = spool_->FreeBytes();
                           return free.ok() ? static_cast<double>(*free) : -1;
                         });
    metrics_.AddCallback(this, "cleanmail_spool_writes",
                         "Writes of the spool since the start, each of one or more commits.", {},
                         [this] { return static_cast<double>(spool_->writes()); });
    metrics_.AddCallback(this, "cleanmail_spool_flushes", "Flushes of the spool since the start.",
                         {}, [this] { return static_cast<double>(spool_->flushes()); });
    metrics_.AddCallback(this, "cleanmail_spool_healthy", "1 while the spool can be written.", {},
                         [this] { return spool_->Health().ok() ? 1.0 : 0.0; });
    return absl::OkStatus();
  }

  absl::Status OpenResolver() {
    const v1::Dns& dns = settings_.dns();
    absl::StatusOr<std::unique_ptr<dns::UnboundResolver>> unbound = dns::UnboundResolver::Create(
        {.forwarders = {dns.forwarders().begin(), dns.forwarders().end()},
         .timeout = ToDuration(dns.timeout())});
    if (!unbound.ok()) return base::Annotate(unbound.status(), "app.dns.forwarders");
    resolver_ = std::make_unique<dns::MeteredResolver>(*std::move(unbound), metrics_);
    resolver_ = std::make_unique<dns::CachingResolver>(
        std::move(resolver_), clock_,
        dns::CachingResolver::Options{.most_entries = static_cast<size_t>(dns.cache_entries())});
    return absl::OkStatus();
  }

  const config::Document document_;
  const v1::AppConfig settings_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  telemetry::MetricsRegistry metrics_;
  std::unique_ptr<DataFolder> folder_;
  std::unique_ptr<telemetry::Log> log_;
  std::unique_ptr<telemetry::Log> mail_log_;
  std::string master_key_;
  rpc::LocalChannels channels_;
  rpc::Peers peers_{channels_};
  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<bus::Journal> journal_;
  std::unique_ptr<RpcTenantKeys> keys_;
  std::unique_ptr<blob::SpoolBlobStore> blobs_;
  std::unique_ptr<kv::KvStore> kv_;
  std::unique_ptr<dns::Resolver> resolver_;
  directory::Directory directory_;
  DirectoryTenants tenants_{directory_};
  std::unique_ptr<authz::Authorizer> authorizer_;
  std::unique_ptr<directory::Follower> follower_;
  absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<sql::Database>, std::less<>> databases_
      ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<net::Loops> loops_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<StandaloneEnvironment>> StandaloneEnvironment::Open(
    const config::Document& document, const v1::AppConfig& settings) {
  auto standalone = std::make_unique<Standalone>(document, settings);
  CLEANMAIL_RETURN_IF_ERROR(standalone->Open());
  return standalone;
}

}  // namespace cleanmail::app
