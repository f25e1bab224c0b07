#include "libs/store/sql/postgres_session.h"

#include <array>
#include <charconv>
#include <utility>

#include <poll.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/store/sql/clean_text.h"

namespace cleanmail::sql {
namespace {

constexpr size_t kMostPrepared = 300;  // texts kept prepared by a connection
constexpr size_t kRowsAtOnce = 128;    // in one round trip

// Types' numbers, from PostgreSQL's pg_type.dat: they never change.
enum Type : Oid {
  kUnknown = 0,
  kBool = 16,
  kInt8 = 20,
  kInt2 = 21,
  kInt4 = 23,
  kText = 25,
  kFloat4 = 700,
  kFloat8 = 701,
  kNumeric = 1700
};

Oid TypeOf(const Value& value) {
  constexpr std::array<Oid, 3> kTypes = {kInt8, kFloat8, kText};
  return value ? kTypes.at(value->index()) : kUnknown;
}

template <class Number>
Value Parsed(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::string(text);
  return number;
}

Value ValueOf(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) return std::nullopt;
  const std::string_view text(PQgetvalue(result, row, column),
                              static_cast<size_t>(PQgetlength(result, row, column)));
  switch (PQftype(result, column)) {
    case kBool:
      return int64_t{text == "t"};
    case kInt2:
    case kInt4:
    case kInt8:
      return Parsed<int64_t>(text);
    case kFloat4:
    case kFloat8:
      return Parsed<double>(text);
    case kNumeric:  // a sum of integers is one
      return text.find('.') == std::string_view::npos ? Parsed<int64_t>(text)
                                                      : Parsed<double>(text);
    default:
      return std::string(text);
  }
}

// Error codes, https://www.postgresql.org/docs/15/errcodes-appendix.html.
absl::Status Mapped(std::string_view code, const std::string& why) {
  const std::string_view kind = code.substr(0, 2);
  if (code == "40001" || code == "40P01") return absl::AbortedError(why);
  if (code == "23505") return absl::AlreadyExistsError(why);
  // Statement and lock timeouts, a server that starts, ends or became a standby.
  if (code == "57014" || code == "55P03" || kind == "57" || kind == "08" || code == "25006" ||
      code == "25P03")
    return absl::UnavailableError(why);
  if (kind == "53" || kind == "54") return absl::ResourceExhaustedError(why);
  if (kind == "58") return absl::UnavailableError(why);
  if (kind == "XX") return absl::DataLossError(why);
  if (kind == "23" || kind == "25") return absl::FailedPreconditionError(why);
  if (kind == "22") return absl::InvalidArgumentError(why);
  return absl::InternalError(why);
}

// The server will not serve this connection any more, or is not the one to write to.
bool EndsConnection(std::string_view code) {
  return code.starts_with("57P") || code.starts_with("08") || code.starts_with("XX") ||
         code == "25006" || code == "25P03";
}

std::string Trimmed(const char* text) {
  std::string trimmed = text == nullptr ? "" : text;
  while (!trimmed.empty() && (trimmed.back() == '\n' || trimmed.back() == ' ')) trimmed.pop_back();
  return trimmed;
}

}  // namespace

// Parameters in the form libpq takes them; lives as long as the call.
struct PostgresSession::Values {
  Values(const Prepared& prepared, const Parameters& given) {
    texts.reserve(prepared.parameters.size());
    pointers.reserve(prepared.parameters.size());
    for (const std::string& name : prepared.parameters) {
      for (const Parameter& parameter : given) {
        if (parameter.name == name) Add(parameter.value);
      }
    }
  }

  void Add(const Value& value) {
    if (!value) return pointers.push_back(nullptr);
    std::array<char, 32> digits{};
    if (const auto* text = std::get_if<std::string>(&*value)) {
      std::optional<std::string> clean = CleanText(*text);
      if (!clean) return pointers.push_back(text->c_str());
      texts.push_back(*std::move(clean));
    } else if (const auto* number = std::get_if<int64_t>(&*value)) {
      texts.push_back(std::to_string(*number));
    } else {
      const auto [end, error] =
          std::to_chars(digits.data(), digits.data() + digits.size(), std::get<double>(*value));
      texts.emplace_back(digits.data(), end);
    }
    pointers.push_back(texts.back().c_str());
  }

  std::vector<std::string> texts;  // reserved: pointers stay
  std::vector<const char*> pointers;
};

PostgresSession::PostgresSession(PGconn* connection, absl::Duration patience)
    : connection_(connection), patience_(patience) {}

PostgresSession::~PostgresSession() { PQfinish(connection_); }

absl::Status PostgresSession::Failed(absl::Status status) {
  if (failure_.ok()) failure_ = status;
  return status;
}

absl::Status PostgresSession::Lost(std::string_view why) {
  broken_ = true;
  const std::string said = Trimmed(PQerrorMessage(connection_));
  return Failed(
      absl::UnavailableError(base::Cat("PostgreSQL: ", why, said.empty() ? "" : ": ", said)));
}

absl::Status PostgresSession::Check(const PGresult* result) {
  switch (PQresultStatus(result)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_EMPTY_QUERY:
    case PGRES_PIPELINE_SYNC:
      return absl::OkStatus();
    case PGRES_PIPELINE_ABORTED:
      return failure_.ok() ? absl::InternalError("PostgreSQL: an earlier row failed") : failure_;
    default:
      break;
  }
  const char* field = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const std::string code = field == nullptr ? "" : field;
  if (code.empty() || PQstatus(connection_) == CONNECTION_BAD) return Lost("connection lost");
  if (EndsConnection(code) && (code != "25006" || writes_)) broken_ = true;
  const std::string why = base::Cat("PostgreSQL ", code, ": ",
                                    Trimmed(PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY)));
  // Code that writes where it may only read; or a server that has become a standby.
  if (code == "25006" && !writes_) return Failed(absl::FailedPreconditionError(why));
  return Failed(Mapped(code, why));
}

// The next result, null at the end of a statement.
absl::StatusOr<PostgresSession::Result> PostgresSession::Next() {
  const absl::Time deadline = absl::Now() + patience_;
  while (PQisBusy(connection_) != 0) {
    const absl::Duration left = deadline - absl::Now();
    pollfd wait{.fd = PQsocket(connection_), .events = POLLIN, .revents = 0};
    const int ready = left <= absl::ZeroDuration()
                          ? 0
                          : poll(&wait, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1);
    if (ready == 0) return Lost("no answer in time");
    if (PQconsumeInput(connection_) == 0) return Lost("connection lost");
  }
  return Result(PQgetResult(connection_));
}

// The last result of a statement; takes all of it.
absl::StatusOr<PostgresSession::Result> PostgresSession::Last() {
  Result last;
  while (true) {
    CLEANMAIL_ASSIGN_OR_RETURN(Result result, Next());
    if (result == nullptr) break;
    last = std::move(result);
  }
  if (last == nullptr) return Lost("no answer");
  CLEANMAIL_RETURN_IF_ERROR(Check(last.get()));
  return last;
}

absl::StatusOr<const PostgresSession::Prepared*> PostgresSession::Find(
    std::string_view statement, const Parameters& parameters) {
  std::string key(statement);
  for (const Parameter& parameter : parameters)
    key += base::Cat("\n", parameter.name, " ", TypeOf(parameter.value));
  if (const auto it = prepared_.find(key); it != prepared_.end()) return &it->second;
  if (prepared_.size() >= kMostPrepared) {
    // Searches make texts of their own: what they leave prepared is bounded.
    if (PQsendQuery(connection_, "DEALLOCATE ALL") == 0) return Lost("connection lost");
    CLEANMAIL_RETURN_IF_ERROR(Last().status());
    prepared_.clear();
  }
  PostgresText translated = ToPostgres(statement);
  std::vector<Oid> types;
  for (const std::string& name : translated.names) {
    const Parameter* found = nullptr;
    for (const Parameter& parameter : parameters) {
      if (parameter.name == name) found = &parameter;
    }
    if (found == nullptr)
      return Failed(absl::InternalError(base::Cat("PostgreSQL: no parameter :", name)));
    types.push_back(TypeOf(found->value));
  }
  Prepared prepared{base::Cat("s", next_name_++), std::move(translated.names)};
  if (PQsendPrepare(connection_, prepared.name.c_str(), translated.text.c_str(),
                    static_cast<int>(types.size()), types.data()) == 0)
    return Lost("connection lost");
  CLEANMAIL_RETURN_IF_ERROR(Last().status());
  return &prepared_.emplace(std::move(key), std::move(prepared)).first->second;
}

absl::StatusOr<PostgresSession::Result> PostgresSession::Run(std::string_view statement,
                                                             const Parameters& parameters) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Prepared* prepared, Find(statement, parameters));
  const Values values(*prepared, parameters);
  if (PQsendQueryPrepared(connection_, prepared->name.c_str(),
                          static_cast<int>(values.pointers.size()), values.pointers.data(), nullptr,
                          nullptr, 0) == 0)
    return Lost("connection lost");
  return Last();
}

absl::StatusOr<int64_t> PostgresSession::Execute(std::string_view statement,
                                                 const Parameters& parameters) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Result result, Run(statement, parameters));
  const std::string_view changed = PQcmdTuples(result.get());  // "" after CREATE and the like
  if (changed.empty()) return 0;
  return std::get<int64_t>(*Parsed<int64_t>(changed));
}

absl::StatusOr<std::vector<Row>> PostgresSession::Query(std::string_view statement,
                                                        const Parameters& parameters) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Result result, Run(statement, parameters));
  std::vector<Row> rows;
  const int columns = PQnfields(result.get());
  for (int row = 0; row < PQntuples(result.get()); ++row) {
    std::vector<Value> values;
    values.reserve(static_cast<size_t>(columns));
    for (int column = 0; column < columns; ++column)
      values.push_back(ValueOf(result.get(), row, column));
    rows.emplace_back(std::move(values));
  }
  return rows;
}

absl::Status PostgresSession::ExecuteMany(std::string_view statement,
                                          std::span<const Parameters> rows) {
  while (!rows.empty()) {
    // As many rows as fit one prepared statement.
    CLEANMAIL_ASSIGN_OR_RETURN(const Prepared* prepared, Find(statement, rows[0]));
    size_t count = 1;
    const auto same = [&](const Parameters& a, const Parameters& b) {
      if (a.size() != b.size()) return false;
      for (size_t i = 0; i < a.size(); ++i) {
        if (a[i].name != b[i].name || TypeOf(a[i].value) != TypeOf(b[i].value)) return false;
      }
      return true;
    };
    while (count < std::min(rows.size(), kRowsAtOnce) && same(rows[0], rows[count])) ++count;
    CLEANMAIL_RETURN_IF_ERROR(SendMany(*prepared, rows.first(count)));
    rows = rows.subspan(count);
  }
  return absl::OkStatus();
}

absl::Status PostgresSession::SendMany(const Prepared& prepared, std::span<const Parameters> rows) {
  if (PQenterPipelineMode(connection_) == 0) return Lost("no pipeline");
  for (const Parameters& parameters : rows) {
    const Values values(prepared, parameters);
    if (PQsendQueryPrepared(connection_, prepared.name.c_str(),
                            static_cast<int>(values.pointers.size()), values.pointers.data(),
                            nullptr, nullptr, 0) == 0)
      return Lost("connection lost");
  }
  if (PQpipelineSync(connection_) == 0) return Lost("connection lost");
  absl::Status status = TakeMany();
  if (!broken_ && PQexitPipelineMode(connection_) == 0) return Lost("pipeline");
  return status;
}

absl::Status PostgresSession::TakeMany() {
  absl::Status status;
  while (true) {
    CLEANMAIL_ASSIGN_OR_RETURN(const Result result, Next());
    if (result == nullptr) continue;  // between two statements
    if (PQresultStatus(result.get()) == PGRES_PIPELINE_SYNC) return status;
    status.Update(Check(result.get()));
    if (PQstatus(connection_) == CONNECTION_BAD) return status;
  }
}

absl::Status PostgresSession::Begin(std::string_view statement, bool writes) {
  failure_ = absl::OkStatus();
  writes_ = writes;
  if (PQsendQuery(connection_, std::string(statement).c_str()) == 0) return Lost("connection lost");
  return Last().status();
}

absl::Status PostgresSession::End(std::string_view statement) {
  if (PQsendQuery(connection_, std::string(statement).c_str()) == 0) return Lost("connection lost");
  CLEANMAIL_ASSIGN_OR_RETURN(const Result result, Last());
  if (statement == "COMMIT" && std::string_view(PQcmdStatus(result.get())) != "COMMIT")
    return failure_.ok() ? absl::AbortedError("PostgreSQL: rolled back") : failure_;
  return absl::OkStatus();
}

}  // namespace cleanmail::sql
