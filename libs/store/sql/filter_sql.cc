#include "libs/store/sql/filter_sql.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::sql {
namespace {

using rpc::resource::Filter;
using rpc::resource::FilterOp;

std::string_view SqlOp(FilterOp op) {
  switch (op) {
    case FilterOp::kEqual:
      return " = ";
    case FilterOp::kNotEqual:
      return " <> ";
    case FilterOp::kLess:
      return " < ";
    case FilterOp::kLessEqual:
      return " <= ";
    case FilterOp::kGreater:
      return " > ";
    case FilterOp::kGreaterEqual:
      return " >= ";
    case FilterOp::kContains:
      return " LIKE ";
  }
  return " = ";
}

// A pattern of LIKE that finds `text` anywhere; `!` takes the meaning from the next character.
std::string Containing(std::string_view text) {
  std::string pattern = "%";
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '!') pattern += '!';
    pattern += c;
  }
  return pattern + "%";
}

class Translation {
 public:
  Translation(const FilterColumns& columns, FilterSql& out) : columns_(columns), out_(out) {}

  absl::Status Add(const Filter& filter) {
    std::string& sql = out_.condition;
    switch (filter.kind) {
      case Filter::Kind::kAll:
        sql += "(1 = 1)";
        return absl::OkStatus();
      case Filter::Kind::kTerm:
        return AddTerm(filter);
      case Filter::Kind::kNot:
        sql += "(NOT ";
        CLEANMAIL_RETURN_IF_ERROR(Add(filter.below.at(0)));
        sql += ")";
        return absl::OkStatus();
      case Filter::Kind::kAnd:
      case Filter::Kind::kOr:
        for (size_t i = 0; i < filter.below.size(); ++i) {
          sql += i == 0 ? "(" : (filter.kind == Filter::Kind::kAnd ? " AND " : " OR ");
          CLEANMAIL_RETURN_IF_ERROR(Add(filter.below[i]));
        }
        sql += ")";
        return absl::OkStatus();
    }
    return absl::OkStatus();
  }

 private:
  absl::Status AddTerm(const Filter& term) {
    const auto column = columns_.find(term.field);
    if (column == columns_.end())
      return absl::InternalError(base::Cat("no column for ", term.field));
    const std::string name = base::Cat("f", out_.names.size());
    Value value;
    if (const auto* text = std::get_if<std::string>(&term.value)) {
      std::string given = *text;
      if (term.op == FilterOp::kContains || column->second.is_lower) absl::AsciiStrToLower(&given);
      value = term.op == FilterOp::kContains ? Containing(given) : given;
    } else if (const auto* number = std::get_if<int64_t>(&term.value)) {
      value = *number;
    } else {
      value = std::get<double>(term.value);
    }
    const bool folds = term.op == FilterOp::kContains && !column->second.is_lower;
    out_.condition += base::Cat("(", folds ? "LOWER(" : "", column->second.expression,
                                folds ? ")" : "", SqlOp(term.op), ":", name,
                                term.op == FilterOp::kContains ? " ESCAPE '!'" : "", ")");
    out_.names.push_back(name);
    out_.parameters.push_back({"", std::move(value)});
    return absl::OkStatus();
  }

  const FilterColumns& columns_;
  FilterSql& out_;
};

}  // namespace

absl::StatusOr<FilterSql> ToSql(const Filter& filter, const FilterColumns& columns) {
  FilterSql out;
  out.names.reserve(rpc::resource::kMostFilterTerms);
  CLEANMAIL_RETURN_IF_ERROR(Translation(columns, out).Add(filter));
  for (size_t i = 0; i < out.names.size(); ++i) out.parameters[i].name = out.names[i];
  return out;
}

void Conditions::And(std::string_view text) { text_ += base::Cat(" AND ", text); }

void Conditions::AndEqual(std::string_view expression, std::string value) {
  AndIn(expression, {std::move(value)});
}

void Conditions::AndIn(std::string_view expression, const std::vector<std::string>& values) {
  if (values.empty()) return And("1 = 0");
  text_ += base::Cat(" AND ", expression, values.size() == 1 ? " = " : " IN (");
  for (const std::string& value : values) {
    const std::string name = base::Cat("c", values_.size());
    text_ += base::Cat(&value == &values[0] ? ":" : ", :", name);
    values_.emplace_back(name, value);
  }
  if (values.size() > 1) text_ += ")";
}

absl::Status Conditions::AndFilter(const rpc::resource::Filter& filter,
                                   const FilterColumns& columns) {
  CLEANMAIL_ASSIGN_OR_RETURN(FilterSql out, ToSql(filter, columns));
  And(out.condition);
  for (size_t i = 0; i < out.names.size(); ++i)
    values_.emplace_back(out.names[i], std::move(out.parameters[i].value));
  return absl::OkStatus();
}

Parameters Conditions::parameters() const {
  Parameters parameters;
  for (const auto& [name, value] : values_) parameters.push_back({name, value});
  return parameters;
}

}  // namespace cleanmail::sql
