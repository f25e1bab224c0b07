#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/rpc/resource/filter.h"
#include "libs/store/sql/database.h"

namespace cleanmail::sql {

// Which SQL expression a filter's field stands for: `{"sender", {"m.sender"}}`. Our own text, never
// anybody else's.
struct FilterColumn {
  std::string_view expression;
  // Values are compared in lower case: the column holds only that.
  bool is_lower = false;
};
using FilterColumns = std::map<std::string, FilterColumn, std::less<>>;

// A condition and its parameters.
struct FilterSql {
  std::string condition;  // `(m.sender = :f0 AND …)`, or `(1 = 1)`
  std::vector<std::string> names;
  Parameters parameters;  // whose names point into `names`
};

// A filter as the condition of a WHERE. Whatever a caller wrote becomes parameters, never text.
// Internal: a field without a column.
absl::StatusOr<FilterSql> ToSql(const rpc::resource::Filter& filter, const FilterColumns& columns);

// Parts of a WHERE with their parameters.
class Conditions {
 public:
  // Adds our own text.
  void And(std::string_view text);
  // Adds `expression = value`.
  void AndEqual(std::string_view expression, std::string value);
  // Adds `expression IN (values)`; no values: nothing is found.
  void AndIn(std::string_view expression, const std::vector<std::string>& values);
  absl::Status AndFilter(const rpc::resource::Filter& filter, const FilterColumns& columns);
  const std::string& text() const { return text_; }
  // Their names point into this.
  Parameters parameters() const;

 private:
  std::string text_ = "1 = 1";
  std::vector<std::pair<std::string, Value>> values_;
};

}  // namespace cleanmail::sql
