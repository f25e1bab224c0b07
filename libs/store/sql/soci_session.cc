#include "libs/store/sql/soci_session.h"

#include <utility>

#include "libs/base/status_macros.h"
#include "libs/store/sql/clean_text.h"

namespace cleanmail::sql {
namespace {

// Index of the alternative a value holds; nullopt is NULL, which fits each.
std::optional<size_t> TypeOf(const Value& value) {
  return value ? std::optional(value->index()) : std::nullopt;
}

constexpr size_t kText = 2;
constexpr size_t kMostPrepared = 300;  // texts kept prepared by a connection
static_assert(std::is_same_v<std::variant_alternative_t<kText, Value::value_type>, std::string>);

Value ValueOf(const soci::row& row, size_t column) {
  if (row.get_indicator(column) == soci::i_null) return std::nullopt;
  switch (row.get_properties(column).get_data_type()) {
    case soci::dt_string:
    case soci::dt_xml:
    case soci::dt_blob:
    case soci::dt_date:
      return row.get<std::string>(column);
    case soci::dt_double:
      return row.get<double>(column);
    case soci::dt_integer:
      return int64_t{row.get<int>(column)};
    case soci::dt_long_long:
      return int64_t{row.get<long long>(column)};
    case soci::dt_unsigned_long_long:
      return static_cast<int64_t>(row.get<unsigned long long>(column));
  }
  return std::nullopt;
}

}  // namespace

struct SociSession::Prepared {
  // What a parameter is bound to; stays where it is.
  struct Slot {
    std::string name;
    size_t type;
    long long number = 0;
    double real = 0;
    std::string text;
    soci::indicator indicator = soci::i_ok;
  };

  Prepared(soci::session& session, const std::string& text, const Parameters& parameters,
           bool is_query)
      : query(is_query), statement(session) {
    for (const Parameter& parameter : parameters) {
      Slot& slot = slots.emplace_back(Slot{.name = std::string(parameter.name),
                                           .type = TypeOf(parameter.value).value_or(kText),
                                           .text = {}});
      switch (slot.type) {
        case 0:
          statement.exchange(soci::use(slot.number, slot.indicator, slot.name));
          break;
        case 1:
          statement.exchange(soci::use(slot.real, slot.indicator, slot.name));
          break;
        default:
          statement.exchange(soci::use(slot.text, slot.indicator, slot.name));
      }
    }
    if (query) statement.exchange(soci::into(row));
    statement.alloc();
    statement.prepare(text);
    statement.define_and_bind();
  }

  bool Fits(const Parameters& parameters, bool is_query) const {
    if (is_query != query || parameters.size() != slots.size()) return false;
    for (size_t i = 0; i < slots.size(); ++i) {
      if (slots[i].name != parameters[i].name ||
          TypeOf(parameters[i].value).value_or(slots[i].type) != slots[i].type)
        return false;
    }
    return true;
  }

  void Bind(const Parameters& parameters) {
    for (size_t i = 0; i < slots.size(); ++i) {
      Slot& slot = slots[i];
      const Value& value = parameters[i].value;
      slot.indicator = value ? soci::i_ok : soci::i_null;
      if (!value) continue;
      if (const auto* number = std::get_if<int64_t>(&*value)) slot.number = *number;
      if (const auto* real = std::get_if<double>(&*value)) slot.real = *real;
      if (const auto* text = std::get_if<std::string>(&*value)) {
        std::optional<std::string> clean = CleanText(*text);
        slot.text = clean ? *std::move(clean) : *text;
      }
    }
  }

  const bool query;
  std::deque<Slot> slots;
  soci::row row;
  soci::statement statement;
};

SociSession::SociSession(std::unique_ptr<soci::session> session, ErrorMapping map_error)
    : session_(std::move(session)), map_error_(std::move(map_error)) {}

SociSession::~SociSession() = default;

SociSession::Prepared& SociSession::Find(const std::string& text, const Parameters& parameters,
                                         bool query) {
  // Searches make texts of their own: what they leave prepared is bounded.
  if (prepared_.size() >= kMostPrepared && !prepared_.contains(text)) prepared_.clear();
  std::vector<std::unique_ptr<Prepared>>& kinds = prepared_[text];
  for (const std::unique_ptr<Prepared>& kind : kinds) {
    if (kind->Fits(parameters, query)) return *kind;
  }
  return *kinds.emplace_back(std::make_unique<Prepared>(*session_, text, parameters, query));
}

absl::Status SociSession::Failed(const std::string& text, const std::exception& error) {
  prepared_.erase(text);  // a statement that failed is not used again
  absl::Status status = map_error_(error);
  if (failure_.ok()) failure_ = status;
  return status;
}

absl::StatusOr<int64_t> SociSession::Execute(std::string_view statement,
                                             const Parameters& parameters) {
  const std::string text(statement);
  try {
    Prepared& prepared = Find(text, parameters, false);
    prepared.Bind(parameters);
    prepared.statement.execute(true);
    return prepared.statement.get_affected_rows();
  } catch (const std::exception& error) {
    return Failed(text, error);
  }
}

absl::Status SociSession::ExecuteMany(std::string_view statement,
                                      std::span<const Parameters> rows) {
  const std::string text(statement);
  try {
    for (const Parameters& parameters : rows) {
      Prepared& prepared = Find(text, parameters, false);
      prepared.Bind(parameters);
      prepared.statement.execute(true);
    }
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return Failed(text, error);
  }
}

absl::StatusOr<std::vector<Row>> SociSession::Query(std::string_view statement,
                                                    const Parameters& parameters) {
  const std::string text(statement);
  try {
    Prepared& prepared = Find(text, parameters, true);
    prepared.Bind(parameters);
    prepared.statement.execute();
    std::vector<Row> rows;
    while (prepared.statement.fetch()) {
      std::vector<Value> values;
      values.reserve(prepared.row.size());
      for (size_t column = 0; column < prepared.row.size(); ++column)
        values.push_back(ValueOf(prepared.row, column));
      rows.emplace_back(std::move(values));
    }
    return rows;
  } catch (const std::exception& error) {
    return Failed(text, error);
  }
}

absl::Status SociSession::Run(std::string_view statement) {
  try {
    *session_ << std::string(statement);
    return absl::OkStatus();
  } catch (const std::exception& error) {
    return map_error_(error);
  }
}

}  // namespace cleanmail::sql
