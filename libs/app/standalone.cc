#include "libs/app/standalone.h"

#include <map>

#include "absl/synchronization/mutex.h"
#include "libs/app/settings.h"
#include "libs/app/tenant_keys.h"
#include "libs/base/status_macros.h"
#include "libs/bus/journal.h"
#include "libs/store/blob/spool_blob_store.h"
#include "libs/store/kv/memory_kv_store.h"
#include "libs/store/spool/spool.h"
#include "libs/store/sql/sqlite_database.h"

namespace cleanmail::app {
namespace {

class Standalone final : public ProcessEnvironment {
 public:
  Standalone(const config::Document& document, const v1::AppConfig& settings)
      : ProcessEnvironment(document, settings) {}

  ~Standalone() override { Close(); }

  absl::Status Open() {
    CLEANMAIL_RETURN_IF_ERROR(OpenGround());
    CLEANMAIL_RETURN_IF_ERROR(OpenSpool());
    OpenHouse(*journal_, channels_);
    keys_ =
        std::make_unique<RpcTenantKeys>(*peers_, clock_, ToDuration(settings_.rpc().deadline()));
    blobs_ = blob::SpoolBlobStore::Create(*spool_, *keys_, clock_, random_,
                                          {.body_life = ToDuration(settings_.spool().body_life()),
                                           .min_free_bytes = settings_.spool().min_free_bytes()});
    kv_ = kv::MakeMemoryKvStore(clock_, 1'000'000);
    return absl::OkStatus();
  }

  bus::Bus& bus() override { return *journal_; }
  blob::BlobStore& blobs() override { return *blobs_; }
  kv::KvStore& kv() override { return *kv_; }
  bool owns_databases() const override { return true; }

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

  absl::Status CheckComplete() override { return absl::OkStatus(); }
  rpc::Server::Options RpcOptions() override { return SocketOptions(); }

  std::vector<Chore> Chores() override {
    return {{absl::Minutes(1), [this] { TrimEvents(); }},
            {absl::Minutes(10), [this] { SweepBodies(); }}};
  }

  std::vector<std::string> Warnings() override {
    std::vector<std::string> warnings;
    if (folder().open_to_others())
      warnings.push_back(base::Cat("others may read the data folder: chmod 700 ", folder().path()));
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
  absl::Status OpenSpool() {
    const std::string path = base::Cat(settings_.data_folder(), "/spool");
    absl::StatusOr<std::unique_ptr<spool::Spool>> spool = spool::Spool::Open(path);
    if (!spool.ok()) return base::Annotate(spool.status(), base::Cat("the spool ", path));
    spool_ = *std::move(spool);
    bus::JournalOptions options;
    options.min_free_bytes = settings_.spool().min_free_bytes();
    options.event_life = ToDuration(settings_.spool().event_life());
    options.on_dead_letter = [this](std::string_view topic, std::string_view group,
                                    const absl::Status& reason) {
      OnDeadLetter(topic, group, reason);
    };
    CLEANMAIL_ASSIGN_OR_RETURN(journal_, bus::Journal::Create(*spool_, clock_, options));
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

  void TrimEvents() {
    if (const absl::Status trimmed = journal_->Trim(); !trimmed.ok()) {
      log_->Warning("spool.not_trimmed", {{"error", base::View(trimmed.message())}});
    }
  }

  std::unique_ptr<spool::Spool> spool_;
  std::unique_ptr<bus::Journal> journal_;
  std::unique_ptr<RpcTenantKeys> keys_;
  std::unique_ptr<blob::SpoolBlobStore> blobs_;
  std::unique_ptr<kv::KvStore> kv_;
  absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<sql::Database>, std::less<>> databases_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessEnvironment>> OpenStandalone(const config::Document& document,
                                                                   const v1::AppConfig& settings) {
  auto standalone = std::make_unique<Standalone>(document, settings);
  CLEANMAIL_RETURN_IF_ERROR(standalone->Open());
  return standalone;
}

}  // namespace cleanmail::app
