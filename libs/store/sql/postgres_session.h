#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include <libpq-fe.h>

#include "absl/time/time.h"
#include "libs/store/sql/database.h"
#include "libs/store/sql/postgres_text.h"

namespace cleanmail::sql {

// A connection to PostgreSQL. Statements are prepared once per text and types of parameters. A
// transaction that met an error can only be rolled back. Not thread-safe.
class PostgresSession final : public Session {
 public:
  // `patience`: a server that says nothing for so long is taken for lost.
  PostgresSession(PGconn* connection, absl::Duration patience);
  ~PostgresSession() override;

  absl::StatusOr<int64_t> Execute(std::string_view statement,
                                  const Parameters& parameters = {}) override;
  // Many rows in one round trip.
  absl::Status ExecuteMany(std::string_view statement, std::span<const Parameters> rows) override;
  absl::StatusOr<std::vector<Row>> Query(std::string_view statement,
                                         const Parameters& parameters = {}) override;
  // BEGIN and the like; not prepared. Begins a new account of failures.
  absl::Status Begin(std::string_view statement, bool writes);
  // Aborted, as is, when the engine rolled back instead.
  absl::Status End(std::string_view statement);

  // The first error since Begin.
  const absl::Status& failure() const { return failure_; }
  // The engine gave up this transaction for another's sake: it is worth another try.
  bool lost_race() const { return absl::IsAborted(failure_); }
  // Not to be used again.
  bool broken() const { return broken_; }

 private:
  struct FreeResult {
    void operator()(PGresult* result) const { PQclear(result); }
  };
  using Result = std::unique_ptr<PGresult, FreeResult>;
  struct Prepared {
    std::string name;
    std::vector<std::string> parameters;  // names of $1, $2, …
  };
  struct Values;

  absl::StatusOr<const Prepared*> Find(std::string_view statement, const Parameters& parameters);
  absl::StatusOr<Result> Run(std::string_view statement, const Parameters& parameters);
  absl::Status SendMany(const Prepared& prepared, std::span<const Parameters> rows);
  absl::Status TakeMany();
  absl::StatusOr<Result> Next();
  absl::StatusOr<Result> Last();
  absl::Status Check(const PGresult* result);
  absl::Status Lost(std::string_view why);
  absl::Status Failed(absl::Status status);

  PGconn* const connection_;
  const absl::Duration patience_;
  absl::Status failure_;
  bool broken_ = false;
  bool writes_ = false;
  int64_t next_name_ = 0;
  std::unordered_map<std::string, Prepared> prepared_;  // by text and types
};

}  // namespace cleanmail::sql
