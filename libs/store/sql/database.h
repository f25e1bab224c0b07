#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Rows, the same for SQLite and PostgreSQL. SQL text is written once: `:name` parameters, TEXT,
// BIGINT and DOUBLE PRECISION only, times in microseconds since 1970, ids as text, `ON CONFLICT`,
// no vendor's own words but `INTEGER PRIMARY KEY AUTOINCREMENT`. Text compares by its bytes. Bytes
// are kept as TEXT in base64; in text, NUL and what is not UTF-8 becomes U+FFFD. SQL stands in the
// `store.cc` of the room that owns the table.
namespace cleanmail::sql {

// What a column or a parameter holds. nullopt is SQL's NULL.
using Value = std::optional<std::variant<int64_t, double, std::string>>;

// One row of an answer. Asking for a column that is not there, or as another type, ends the
// process: it is our own SQL.
class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  int64_t Int(size_t column) const;              // NULL is 0
  double Double(size_t column) const;            // NULL is 0; integers are converted
  const std::string& Text(size_t column) const;  // NULL is ""
  bool is_null(size_t column) const { return !values_.at(column).has_value(); }

 private:
  std::vector<Value> values_;
};

struct Parameter {
  std::string_view name;  // without the colon
  Value value;
};
using Parameters = std::vector<Parameter>;

// An open transaction, or a connection without one. After an error the transaction can only be
// rolled back, whatever its body returns. Not thread-safe.
class Session {
 public:
  virtual ~Session() = default;
  // Runs a statement; returns the number of rows changed. AlreadyExists: a unique constraint.
  // Unavailable, Aborted: try again. Statements are prepared once per connection and text.
  virtual absl::StatusOr<int64_t> Execute(std::string_view statement,
                                          const Parameters& parameters = {}) = 0;
  // The same statement for many rows of parameters.
  virtual absl::Status ExecuteMany(std::string_view statement,
                                   std::span<const Parameters> rows) = 0;
  virtual absl::StatusOr<std::vector<Row>> Query(std::string_view statement,
                                                 const Parameters& parameters = {}) = 0;
};

// A service's own schema. Thread-safe.
class Database {
 public:
  virtual ~Database() = default;
  // Runs `body` in one transaction: committed and flushed when it returns OK, rolled back
  // otherwise. Runs it again, a few times, when the database says Aborted (serialization): it must
  // have no effect outside.
  virtual absl::Status Transact(absl::FunctionRef<absl::Status(Session&)> body) = 0;
  // Runs `body` on a connection that reads only.
  virtual absl::Status Read(absl::FunctionRef<absl::Status(Session&)> body) = 0;
  // Runs `body` while no other process runs one of this on the same schema.
  virtual absl::Status Alone(absl::FunctionRef<absl::Status()> body) { return body(); }
  // Whether other processes may write to the schema as well.
  virtual bool shared() const { return false; }
  // Why no transaction could be begun lately; OK when the last could.
  virtual absl::Status Health() const { return absl::OkStatus(); }
};

// Whether a failed Transact may have been committed all the same: the connection was lost while it
// was being. What it would have told this process has then happened without its knowing.
bool IsInDoubt(const absl::Status& status);
// The same failure, in doubt.
absl::Status InDoubt(absl::Status status);

// One step of a schema: `0001_holds.sql` is {1, "holds", text}; statements end with ';' at a line's
// end.
struct Migration {
  int version;
  std::string_view name;
  std::string_view text;
};

// Brings the schema to the newest version, each step in a transaction of its own, noted in the
// table `schema_version`; several processes may do so at once. FailedPrecondition: the schema is
// newer than this program.
absl::Status Migrate(Database& database, std::span<const Migration> migrations);

}  // namespace cleanmail::sql
