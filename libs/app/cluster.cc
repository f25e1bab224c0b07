#include "libs/app/cluster.h"

#include <atomic>
#include <map>

#include "absl/synchronization/mutex.h"
#include "libs/app/settings.h"
#include "libs/app/tenant_keys.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/bus/kafka/kafka_bus.h"
#include "libs/rpc/identity.h"
#include "libs/rpc/network_channels.h"
#include "libs/store/blob/s3_blob_store.h"
#include "libs/store/kv/memory_kv_store.h"
#include "libs/store/kv/redis_kv_store.h"
#include "libs/store/sql/postgres_database.h"

namespace cleanmail::app {
namespace {

// A password that need not be there.
absl::StatusOr<std::string> SecretOr(const v1::Secret& secret, std::string_view key) {
  if (secret.reference().empty()) return std::string();
  absl::StatusOr<std::string> resolved = config::ResolveSecret(secret);
  if (resolved.ok()) return resolved;
  return base::Annotate(resolved.status(), key);
}

// For rooms that touch no bodies and so need no key to them. A room that does is refused before it
// could call any of this (CheckComplete).
class NoBlobs final : public blob::BlobStore {
 public:
  absl::StatusOr<std::unique_ptr<blob::Writer>> Create(const blob::BlobName&) override {
    return None();
  }
  absl::StatusOr<std::string> Read(const blob::BlobName&) override { return None(); }
  absl::Status Extend(const blob::BlobName&, std::string_view, absl::Time) override {
    return None();
  }
  absl::Status Forget(const blob::BlobName&) override { return None(); }
  absl::StatusOr<int64_t> Sweep() override { return None(); }

 private:
  static absl::Status None() { return absl::FailedPreconditionError("app.s3 is not set"); }
};

class Cluster final : public ProcessEnvironment {
 public:
  Cluster(const config::Document& document, const v1::AppConfig& settings,
          std::vector<std::string> rooms)
      : ProcessEnvironment(document, settings), rooms_(std::move(rooms)) {}

  ~Cluster() override {
    closing_.store(true);
    Close();
  }

  absl::Status Open() {
    CLEANMAIL_RETURN_IF_ERROR(OpenGround());
    CLEANMAIL_RETURN_IF_ERROR(OpenRpc());
    CLEANMAIL_RETURN_IF_ERROR(OpenBus());
    OpenHouse(*bus_, *network_);
    CLEANMAIL_RETURN_IF_ERROR(OpenBodies());
    return OpenCounters();
  }

  bus::Bus& bus() override { return *bus_; }
  blob::BlobStore& blobs() override {
    blobs_used_ = true;
    return *blobs_;
  }
  kv::KvStore& kv() override { return *kv_; }
  bool owns_databases() const override { return false; }

  absl::StatusOr<sql::Database*> database(std::string_view service) override {
    absl::MutexLock lock(&mutex_);
    if (const auto known = databases_.find(service); known != databases_.end())
      return known->second.get();
    const v1::Postgres& postgres = settings_.postgres();
    if (postgres.hosts().empty()) {
      return absl::InvalidArgumentError(
          base::Cat("app.postgres.hosts: is required: ", service, " keeps rows"));
    }
    sql::PostgresOptions options;
    options.hosts = {postgres.hosts().begin(), postgres.hosts().end()};
    options.database = postgres.database();
    options.user = postgres.user().empty() ? std::string(service) : postgres.user();
    CLEANMAIL_ASSIGN_OR_RETURN(options.password,
                               SecretOr(postgres.password(), "app.postgres.password"));
    options.schema = service;
    options.ssl_mode = postgres.tls();
    options.ssl_root_cert = postgres.authority();
    options.application_name = base::Cat("cleanmail ", service, " ", settings_.instance());
    options.connections = static_cast<size_t>(postgres.connections());
    absl::StatusOr<std::unique_ptr<sql::Database>> opened = sql::OpenPostgres(std::move(options));
    if (!opened.ok())
      return base::Annotate(opened.status(), base::Cat("PostgreSQL, schema ", service));
    sql::Database* const database =
        databases_.emplace(service, *std::move(opened)).first->second.get();
    metrics_.AddCallback(this, "cleanmail_sql_away",
                         "1 while no transaction can be begun on the schema.",
                         {{"schema", std::string(service)}},
                         [database] { return database->Health().ok() ? 0.0 : 1.0; });
    return database;
  }

  absl::Status CheckComplete() override {
    if (!blobs_used_ || settings_.has_s3()) return absl::OkStatus();
    return absl::InvalidArgumentError(
        "app.s3: is required: a room of this process writes or reads bodies");
  }

  rpc::Server::Options RpcOptions() override {
    rpc::Server::Options options = SocketOptions();
    options.listen = settings_.rpc().listen();
    options.identity = identity_.get();
    return options;
  }

  std::vector<Chore> Chores() override {
    if (!settings_.s3().sweeps()) return {};
    return {{absl::Minutes(10), [this] { SweepBodies(); }}};
  }

  std::vector<std::string> Warnings() override {
    std::vector<std::string> warnings;
    if (const absl::Status accepting = bus_->Accepting(); !accepting.ok())
      warnings.push_back(base::Cat("events cannot be published: ", accepting.message()));
    if (const int64_t dead = bus_->counts().dead_letters; dead > 0) {
      warnings.push_back(base::Cat(
          dead, " events could not be handled since the start and lie with the dead letters"));
    }
    for (const auto& [schema, why] : DatabasesAway())
      warnings.push_back(
          base::Cat("schema ", schema, " cannot be changed: ", base::View(why.message())));
    if (const absl::Status store = s3_ == nullptr ? absl::OkStatus() : s3_->Health(); !store.ok())
      warnings.push_back(base::Cat("the object store is away: ", base::View(store.message())));
    if (redis_ != nullptr && redis_->degraded())
      warnings.emplace_back("Redis is away: rates are counted by this process alone");
    for (const std::string& room : network_->Unreachable())
      warnings.push_back(base::Cat(room, " cannot be reached"));
    const auto credentials = identity_->current();
    if (const absl::Status reread = identity_->reread_status(); !reread.ok())
      warnings.push_back(base::Cat("the old certificate stays in use: ", reread.message()));
    if (credentials->not_after - clock_.Now() < absl::Hours(24)) {
      warnings.push_back(
          base::Cat("app.rpc.tls.certificate ends at ",
                    base::View(absl::FormatTime(credentials->not_after, absl::UTCTimeZone()))));
    }
    return warnings;
  }

 private:
  std::map<std::string, absl::Status> DatabasesAway() {
    const absl::MutexLock lock(&mutex_);
    std::map<std::string, absl::Status> away;
    for (const auto& [schema, database] : databases_) {
      if (absl::Status health = database->Health(); !health.ok())
        away.emplace(schema, std::move(health));
    }
    return away;
  }

  absl::Status OpenRpc() {
    const v1::RpcTls& tls = settings_.rpc().tls();
    CLEANMAIL_ASSIGN_OR_RETURN(identity_, rpc::Identity::Open({.certificate = tls.certificate(),
                                                               .key = tls.key(),
                                                               .authority = tls.authority(),
                                                               .trust_domain = tls.trust_domain()},
                                                              rooms_));
    rpc::NetworkChannels::Options options;
    options.here = rooms_;
    for (const v1::RpcPeer& peer : settings_.rpc().peers())
      options.targets.emplace(peer.room(), peer.target());
    network_ = std::make_unique<rpc::NetworkChannels>(std::move(options), *identity_, channels_);
    metrics_.AddCallback(
        this, "cleanmail_rpc_certificate_end_seconds",
        "When the certificate shown to other rooms ends, seconds since 1970.", {}, [this] {
          return absl::ToDoubleSeconds(identity_->current()->not_after - absl::UnixEpoch());
        });
    return absl::OkStatus();
  }

  absl::Status OpenBus() {
    const v1::Kafka& kafka = settings_.kafka();
    bus::kafka::KafkaOptions options;
    for (const std::string& broker : kafka.brokers())
      options.brokers += base::Cat(options.brokers.empty() ? "" : ",", broker);
    options.client_id = base::Cat("cleanmail-", rooms_.front(), "-", settings_.instance());
    options.prefix = kafka.prefix();
    options.tls = {.on = kafka.security().ends_with("tls"),
                   .ca_file = kafka.authority(),
                   .certificate_file = kafka.certificate(),
                   .key_file = kafka.key()};
    if (kafka.security().starts_with("sasl")) {
      options.sasl = {.mechanism = "SCRAM-SHA-512", .user = kafka.user()};
      CLEANMAIL_ASSIGN_OR_RETURN(options.sasl.password,
                                 SecretOr(kafka.password(), "app.kafka.password"));
    }
    options.topics = bus::AllTopics();
    options.partitions = kafka.partitions();
    options.replication_factor = kafka.replication();
    options.min_insync_replicas = kafka.min_in_sync();
    options.retention = ToDuration(settings_.spool().body_life());
    options.workers = settings_.threads().workers();
    options.start_timeout = absl::Seconds(5);  // who starts the process tries again
    options.log = [this](int level, std::string_view text) {
      // Syslog: 3 and below are errors, 4 warnings, the rest news.
      log_->Write(level <= 3   ? telemetry::Level::kError
                  : level == 4 ? telemetry::Level::kWarning
                               : telemetry::Level::kDebug,
                  "kafka.said", {{"text", text}});
    };
    options.on_dead_letter = [this](std::string_view topic, std::string_view group,
                                    const absl::Status& reason) {
      OnDeadLetter(topic, group, reason);
    };
    auto created = bus::kafka::KafkaBus::Create(std::move(options), clock_);
    if (!created.ok()) return base::Annotate(created.status(), "Kafka");
    bus_ = *std::move(created);
    metrics_.AddCallback(this, "cleanmail_bus_queued_events",
                         "Events published and not yet acknowledged.", {},
                         [this] { return static_cast<double>(bus_->counts().queued); });
    metrics_.AddCallback(this, "cleanmail_bus_partly_kept",
                         "Publications that failed and of which some events were kept.", {},
                         [this] { return static_cast<double>(bus_->counts().partly_kept); });
    metrics_.AddCallback(this, "cleanmail_bus_reconnects",
                         "Connections to brokers after the first.", {},
                         [this] { return static_cast<double>(bus_->counts().reconnects); });
    return absl::OkStatus();
  }

  absl::Status OpenBodies() {
    keys_ =
        std::make_unique<RpcTenantKeys>(*peers_, clock_, ToDuration(settings_.rpc().deadline()));
    if (!settings_.has_s3()) {
      blobs_ = std::make_unique<NoBlobs>();
      return absl::OkStatus();
    }
    const v1::S3& s3 = settings_.s3();
    blob::S3Options options;
    options.endpoint = s3.endpoint();
    options.bucket = s3.bucket();
    options.region = s3.region();
    options.access_key = s3.access_key();
    CLEANMAIL_ASSIGN_OR_RETURN(options.secret_key, SecretOr(s3.secret_key(), "app.s3.secret_key"));
    options.ca_file = s3.authority();
    options.body_life = ToDuration(settings_.spool().body_life());
    absl::StatusOr<std::unique_ptr<blob::S3BlobStore>> created =
        blob::S3BlobStore::Create(std::move(options), *keys_, clock_, random_);
    if (!created.ok()) return base::Annotate(created.status(), "the object store");
    s3_ = created->get();
    blobs_ = *std::move(created);
    metrics_.AddCallback(this, "cleanmail_blob_away",
                         "1 while the object store does not answer, or says it cannot.", {},
                         [this] { return s3_->Health().ok() ? 0.0 : 1.0; });
    return absl::OkStatus();
  }

  absl::Status OpenCounters() {
    if (!settings_.has_redis()) {
      kv_ = kv::MakeMemoryKvStore(clock_, 1'000'000);
      return absl::OkStatus();
    }
    const v1::Redis& redis = settings_.redis();
    kv::RedisOptions options;
    options.addresses = {redis.addresses().begin(), redis.addresses().end()};
    options.user = redis.user();
    CLEANMAIL_ASSIGN_OR_RETURN(options.password, SecretOr(redis.password(), "app.redis.password"));
    if (!redis.prefix().empty()) options.prefix = redis.prefix();
    options.on_change = [this](bool degraded) {
      if (closing_.load()) return;
      log_->Write(degraded ? telemetry::Level::kWarning : telemetry::Level::kInfo,
                  degraded ? "redis.lost" : "redis.found", {});
    };
    auto opened = kv::OpenRedis(std::move(options), clock_);
    if (!opened.ok()) return base::Annotate(opened.status(), "Redis");
    redis_ = opened->get();
    kv_ = *std::move(opened);
    metrics_.AddCallback(this, "cleanmail_kv_degraded",
                         "1 while Redis is away and counters are this process's own.", {},
                         [this] { return redis_->degraded() ? 1.0 : 0.0; });
    metrics_.AddCallback(this, "cleanmail_kv_fallbacks",
                         "Questions answered by this process's own counters since its start.", {},
                         [this] { return static_cast<double>(redis_->fallbacks()); });
    return absl::OkStatus();
  }

  const std::vector<std::string> rooms_;
  std::atomic<bool> closing_{false};
  std::unique_ptr<rpc::Identity> identity_;
  std::unique_ptr<rpc::NetworkChannels> network_;
  std::unique_ptr<RpcTenantKeys> keys_;
  std::unique_ptr<blob::BlobStore> blobs_;
  blob::S3BlobStore* s3_ = nullptr;            // blobs_, when it is one
  std::unique_ptr<bus::kafka::KafkaBus> bus_;  // after blobs_: it holds bodies on their way
  std::unique_ptr<kv::KvStore> kv_;
  kv::RedisKvStore* redis_ = nullptr;  // kv_, when it is one
  bool blobs_used_ = false;
  absl::Mutex mutex_;
  std::map<std::string, std::unique_ptr<sql::Database>, std::less<>> databases_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<ProcessEnvironment>> OpenCluster(
    const config::Document& document, const v1::AppConfig& settings,
    const std::vector<std::string>& rooms) {
  auto cluster = std::make_unique<Cluster>(document, settings, rooms);
  CLEANMAIL_RETURN_IF_ERROR(cluster->Open());
  return cluster;
}

}  // namespace cleanmail::app
