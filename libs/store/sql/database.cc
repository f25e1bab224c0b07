#include "libs/store/sql/database.h"

#include <charconv>

#include "libs/base/status_macros.h"

namespace cleanmail::sql {
namespace {

constexpr std::string_view kCreateVersions =
    "CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY, name TEXT NOT NULL)";

// A statement ends with ';' at a line's end; the rest of a text without one is a statement as well.
std::vector<std::string> Statements(std::string_view text) {
  std::vector<std::string> statements;
  std::string current;
  bool empty = true;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t'))
      line.remove_suffix(1);
    if (line.empty() || line.starts_with("--")) continue;
    const bool ends = line.back() == ';';
    if (ends) line.remove_suffix(1);
    current.append(line).push_back('\n');
    empty = false;
    if (!ends) continue;
    statements.push_back(std::exchange(current, {}));
    empty = true;
  }
  if (!empty) statements.push_back(std::move(current));
  return statements;
}

absl::StatusOr<int64_t> VersionOf(Session& session) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Row> rows,
                             session.Query("SELECT MAX(version) FROM schema_version"));
  return rows.at(0).Int(0);
}

constexpr absl::string_view kInDoubt = "cleanmail.sql/in-doubt";

}  // namespace

int64_t Row::Int(size_t column) const {
  const Value& value = values_.at(column);
  if (!value) return 0;
  if (const auto* number = std::get_if<int64_t>(&*value)) return *number;
  if (const auto* number = std::get_if<double>(&*value)) return static_cast<int64_t>(*number);
  const std::string& text = std::get<std::string>(*value);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  CLEANMAIL_CHECK(error == std::errc() && end == text.data() + text.size(),
                  base::Cat("not an integer column: ", column));
  return number;
}

double Row::Double(size_t column) const {
  const Value& value = values_.at(column);
  if (!value) return 0;
  if (const auto* number = std::get_if<double>(&*value)) return *number;
  if (const auto* number = std::get_if<int64_t>(&*value)) return static_cast<double>(*number);
  const std::string& text = std::get<std::string>(*value);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  CLEANMAIL_CHECK(error == std::errc() && end == text.data() + text.size(),
                  base::Cat("not a number column: ", column));
  return number;
}

const std::string& Row::Text(size_t column) const {
  static const std::string kNull;
  const Value& value = values_.at(column);
  if (!value) return kNull;
  const auto* text = std::get_if<std::string>(&*value);
  CLEANMAIL_CHECK(text != nullptr, base::Cat("not a text column: ", column));
  return *text;
}

namespace {

absl::Status MigrateAlone(Database& database, std::span<const Migration> migrations) {
  int64_t have = 0;
  CLEANMAIL_RETURN_IF_ERROR(database.Transact([&](Session& session) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(session.Execute(kCreateVersions).status());
    CLEANMAIL_ASSIGN_OR_RETURN(have, VersionOf(session));
    return absl::OkStatus();
  }));
  int newest = 0;
  for (const Migration& migration : migrations) {
    CLEANMAIL_CHECK(migration.version > newest, "migrations are listed by growing version");
    newest = migration.version;
  }
  if (have > newest) {
    return absl::FailedPreconditionError(base::Cat(
        "the database's schema is of version ", have, ", this program knows it up to version ",
        newest, ": run the newer program, or restore a backup made before it"));
  }
  for (const Migration& migration : migrations) {
    if (migration.version <= have) continue;
    const absl::Status done = database.Transact([&](Session& session) -> absl::Status {
      for (const std::string& statement : Statements(migration.text))
        CLEANMAIL_RETURN_IF_ERROR(session.Execute(statement).status());
      return session
          .Execute("INSERT INTO schema_version (version, name) VALUES (:version, :name)",
                   {{"version", migration.version}, {"name", std::string(migration.name)}})
          .status();
    });
    if (!done.ok())
      return base::Annotate(done,
                            base::Cat("migration ", migration.version, " (", migration.name, ")"));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsInDoubt(const absl::Status& status) { return status.GetPayload(kInDoubt).has_value(); }

absl::Status InDoubt(absl::Status status) {
  status.SetPayload(kInDoubt, absl::Cord());
  return status;
}

absl::Status Migrate(Database& database, std::span<const Migration> migrations) {
  return database.Alone([&] { return MigrateAlone(database, migrations); });
}

}  // namespace cleanmail::sql
