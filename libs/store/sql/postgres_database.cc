#include "libs/store/sql/postgres_database.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/random.h"
#include "libs/base/recent_failure.h"
#include "libs/base/status_macros.h"
#include "libs/store/sql/postgres_session.h"

namespace cleanmail::sql {
namespace {

constexpr int kTries = 3;       // of a body that says Aborted by itself
constexpr int kRaceTries = 15;  // of a transaction the engine gave up
constexpr absl::Duration kFirstPause = absl::Milliseconds(2);
constexpr absl::Duration kLongestPause = absl::Milliseconds(200);
constexpr absl::Duration kMigrationWait = absl::Minutes(2);
constexpr absl::Duration kPatience = absl::Seconds(2);  // beyond the server's own timeout

struct HostAndPort {
  std::string host, port;
};

HostAndPort Split(std::string_view address) {
  const size_t colon = address.rfind(':');
  const bool has_port = colon != std::string_view::npos &&
                        (address.find(':') == colon || (colon > 0 && address[colon - 1] == ']'));
  std::string_view host = has_port ? address.substr(0, colon) : address;
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return {std::string(host), has_port ? std::string(address.substr(colon + 1)) : "5432"};
}

std::string Millis(absl::Duration duration) {
  return std::to_string(std::max<int64_t>(1, absl::ToInt64Milliseconds(duration)));
}

std::string Quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

// Keywords and values of a connection string.
std::vector<std::pair<std::string, std::string>> Settings(const PostgresOptions& options) {
  std::string hosts, ports;
  for (const std::string& address : options.hosts) {
    HostAndPort split = Split(address);
    hosts += base::Cat(hosts.empty() ? "" : ",", split.host);
    ports += base::Cat(ports.empty() ? "" : ",", split.port);
  }
  std::vector<std::pair<std::string, std::string>> settings = {
      {"host", hosts},
      {"port", ports},
      {"dbname", options.database},
      {"user", options.user},
      {"password", options.password},
      {"sslmode", options.ssl_mode},
      {"sslrootcert", options.ssl_root_cert},
      {"sslcert", options.ssl_cert},
      {"sslkey", options.ssl_key},
      {"application_name", options.application_name},
      {"target_session_attrs", "read-write"},
      {"connect_timeout",
       std::to_string(std::max<int64_t>(2, absl::ToInt64Seconds(options.connect_timeout)))},
      {"client_encoding", "UTF8"},
      {"keepalives_idle", "10"},
      {"keepalives_interval", "5"},
      {"keepalives_count", "3"},
      {"tcp_user_timeout", Millis(options.statement_timeout + kPatience)},
      {"options",
       base::Cat("-c statement_timeout=", Millis(options.statement_timeout),
                 " -c lock_timeout=", Millis(options.lock_timeout),
                 " -c idle_in_transaction_session_timeout=", Millis(options.idle_timeout))}};
  std::erase_if(settings, [](const auto& setting) { return setting.second.empty(); });
  return settings;
}

class PostgresDatabase final : public Database {
 public:
  explicit PostgresDatabase(PostgresOptions options)
      : options_(std::move(options)), settings_(Settings(options_)) {}

  absl::Status Open() {
    CLEANMAIL_RETURN_IF_ERROR(MakeSchema());
    CLEANMAIL_ASSIGN_OR_RETURN(Lease lease, Take("BEGIN READ ONLY", false));
    return Give(std::move(lease), lease.session->End("COMMIT"));
  }

  bool shared() const override { return true; }
  absl::Status Health() const override { return failure_.Get(); }

  absl::Status Transact(absl::FunctionRef<absl::Status(Session&)> body) override {
    absl::Duration pause = kFirstPause;
    for (int tries = 1;; ++tries) {
      bool lost_race = false;
      absl::Status status = TransactOnce(body, lost_race);
      if (!absl::IsAborted(status) || tries >= (lost_race ? kRaceTries : kTries)) return status;
      if (!lost_race) continue;
      absl::SleepFor(pause * (0.5 + static_cast<double>(random_.Below(1000)) / 1000));
      pause = std::min(pause * 2, kLongestPause);
    }
  }

  absl::Status Read(absl::FunctionRef<absl::Status(Session&)> body) override {
    CLEANMAIL_ASSIGN_OR_RETURN(Lease lease,
                               Take("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", false));
    absl::Status status = body(*lease.session);
    const absl::Status ended =
        lease.session->broken()
            ? absl::OkStatus()
            : lease.session->End(lease.session->failure().ok() ? "COMMIT" : "ROLLBACK");
    status.Update(ended);
    return Give(std::move(lease), std::move(status));
  }

  absl::Status Alone(absl::FunctionRef<absl::Status()> body) override {
    CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<PostgresSession> session, Connect());
    const Parameters schema = {{"schema", "cleanmail " + options_.schema}};
    const absl::Time deadline = absl::Now() + kMigrationWait;
    while (true) {
      CLEANMAIL_ASSIGN_OR_RETURN(
          const std::vector<Row> rows,
          session->Query("SELECT pg_try_advisory_lock(hashtextextended(:schema, 0))", schema));
      if (rows.at(0).Int(0) != 0) break;
      if (absl::Now() > deadline)
        return absl::UnavailableError("PostgreSQL: another process has this schema to itself");
      absl::SleepFor(absl::Milliseconds(20));
    }
    return body();  // the lock ends with the connection
  }

 private:
  // A connection that counts against the pool until it is given back.
  struct Lease {
    std::unique_ptr<PostgresSession> session;
  };

  absl::StatusOr<std::unique_ptr<PostgresSession>> Connect() {
    std::vector<const char*> names, values;
    for (const auto& [name, value] : settings_) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    PGconn* const connection = PQconnectdbParams(names.data(), values.data(), 0);
    auto session =
        std::make_unique<PostgresSession>(connection, options_.statement_timeout + kPatience);
    if (PQstatus(connection) != CONNECTION_OK) {
      std::string why = PQerrorMessage(connection);
      while (!why.empty() && why.back() == '\n') why.pop_back();
      return absl::UnavailableError(base::Cat("PostgreSQL: ", why));
    }
    // By itself and not in "options": a schema's name may hold spaces.
    CLEANMAIL_RETURN_IF_ERROR(
        session->Begin(base::Cat("SET search_path = ", Quoted(options_.schema)), false));
    return session;
  }

  // A connection on which `begin` succeeded. Idle ones that were lost meanwhile are dropped on the
  // way.
  absl::StatusOr<Lease> Take(std::string_view begin, bool writes) {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_for(lock, absl::ToChronoMilliseconds(options_.statement_timeout),
                         [this] { return taken_ < options_.connections; }))
      return absl::UnavailableError("PostgreSQL: all connections are in use");
    ++taken_;
    while (!idle_.empty()) {
      Lease lease{std::move(idle_.back())};
      idle_.pop_back();
      lock.unlock();
      if (lease.session->Begin(begin, writes).ok()) {
        failure_.Note(absl::OkStatus());
        return lease;
      }
      lease.session.reset();
      lock.lock();
    }
    lock.unlock();
    absl::StatusOr<std::unique_ptr<PostgresSession>> session = Connect();
    absl::Status status = session.status();
    if (session.ok()) status = (*session)->Begin(begin, writes);
    failure_.Note(status);
    if (status.ok()) return Lease{*std::move(session)};
    return Give({}, std::move(status));
  }

  absl::Status Give(Lease lease, absl::Status status) {
    std::lock_guard lock(mutex_);
    --taken_;
    if (lease.session != nullptr && !lease.session->broken())
      idle_.push_back(std::move(lease.session));
    freed_.notify_one();
    return status;
  }

  absl::Status TransactOnce(absl::FunctionRef<absl::Status(Session&)> body, bool& lost_race) {
    CLEANMAIL_ASSIGN_OR_RETURN(Lease lease, Take("BEGIN ISOLATION LEVEL SERIALIZABLE", true));
    PostgresSession& session = *lease.session;
    absl::Status status = body(session);
    // A body that overlooks an error cannot be committed.
    if (status.ok()) status = session.failure();
    if (status.ok()) {
      status = session.End("COMMIT");
      if (session.broken())
        status =
            InDoubt(base::Annotate(status, "whether the transaction was committed is not known"));
    } else if (!session.broken()) {
      lost_race = session.lost_race();
      (void)session.End("ROLLBACK");
    }
    if (session.lost_race()) {
      lost_race = true;
      status = session.failure();
    }
    return Give(std::move(lease), std::move(status));
  }

  absl::Status MakeSchema() {
    return Alone([this]() -> absl::Status {
      CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<PostgresSession> session, Connect());
      CLEANMAIL_ASSIGN_OR_RETURN(
          const std::vector<Row> rows,
          session->Query("SELECT COUNT(*) FROM pg_namespace WHERE nspname = :schema",
                         {{"schema", options_.schema}}));
      if (rows.at(0).Int(0) > 0) return absl::OkStatus();
      const absl::Status made =
          session->Execute(base::Cat("CREATE SCHEMA ", Quoted(options_.schema))).status();
      if (made.ok() || absl::IsUnavailable(made)) return made;
      return absl::FailedPreconditionError(
          base::Cat("schema ", options_.schema,
                    " is not there and cannot be made: ", base::View(made.message())));
    });
  }

  const PostgresOptions options_;
  const std::vector<std::pair<std::string, std::string>> settings_;
  base::SystemRandom random_;
  base::RecentFailure failure_;
  std::mutex mutex_;
  std::condition_variable freed_;
  size_t taken_ = 0;                                    // guarded by mutex_
  std::vector<std::unique_ptr<PostgresSession>> idle_;  // guarded by mutex_
};

}  // namespace

absl::StatusOr<std::unique_ptr<Database>> OpenPostgres(PostgresOptions options) {
  if (options.hosts.empty() || options.database.empty() || options.schema.empty())
    return absl::InvalidArgumentError("PostgreSQL: hosts, database and schema must be given");
  if (options.connections == 0)
    return absl::InvalidArgumentError("PostgreSQL: a pool has at least one connection");
  auto database = std::make_unique<PostgresDatabase>(std::move(options));
  CLEANMAIL_RETURN_IF_ERROR(database->Open());
  return database;
}

}  // namespace cleanmail::sql
