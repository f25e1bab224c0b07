#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::sql {

// A statement in PostgreSQL's words.
struct PostgresText {
  std::string text;                // `:name` became `$n`
  std::vector<std::string> names;  // of $1, $2, …
};

// Translates the house's SQL. Beside parameters, in CREATE TABLE only: TEXT gets the collation "C",
// so that rows sort by bytes as in SQLite (page tokens rely on it), and `INTEGER PRIMARY KEY
// AUTOINCREMENT` becomes an identity.
PostgresText ToPostgres(std::string_view statement);

}  // namespace cleanmail::sql
