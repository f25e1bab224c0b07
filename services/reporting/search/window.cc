#include "services/reporting/search/window.h"

#include <limits>

#include "absl/strings/numbers.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::reporting {
namespace {

// Where in a list somebody stands: after everything newer than this, and this itself.
struct Place {
  int64_t at = std::numeric_limits<int64_t>::max();
  std::string id;
};

absl::StatusOr<Place> FromKey(std::string_view key) {
  if (key.empty()) return Place{};
  const size_t slash = key.find('/');
  Place place;
  if (slash == std::string_view::npos ||
      !absl::SimpleAtoi(base::AbslView(key.substr(0, slash)), &place.at))
    return absl::InvalidArgumentError("page_token: not one of ours");
  place.id = std::string(key.substr(slash + 1));
  return place;
}

std::string ToKey(const Place& place) { return base::Cat(place.at, "/", place.id); }

}  // namespace

absl::StatusOr<std::string> Walk(sql::Session& session, const List& list, const PageOf& page,
                                 const SearchBounds& bounds,
                                 absl::FunctionRef<void(const sql::Row&)> take) {
  CLEANMAIL_ASSIGN_OR_RETURN(Place place, FromKey(page.after));
  const std::string older =
      base::Cat(" AND ", list.at, " <= :at AND (", list.at, " < :at OR ", list.id, " < :id)");
  const std::string order = base::Cat(" ORDER BY ", list.at, " DESC, ", list.id, " DESC LIMIT ");
  const std::string floor_sql =
      base::Cat("SELECT ", list.at, ", ", list.id, " FROM ", list.narrow, " WHERE ",
                list.prefix.text(), older, order, "1 OFFSET :offset");
  const std::string page_sql = base::Cat(
      "SELECT DISTINCT ", list.at, ", ", list.id, ", ", list.columns, " FROM ", list.from,
      " WHERE ", list.where.text(), older, " AND ", list.at, " >= :floor", order, ":limit");
  const auto with = [&place](const sql::Conditions& conditions, std::vector<sql::Parameter> more) {
    sql::Parameters all = conditions.parameters();
    all.insert(all.end(), {{"at", place.at}, {"id", place.id}});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  };
  const absl::Time deadline = absl::Now() + bounds.time;
  for (int32_t taken = 0;;) {
    std::vector<sql::Row> floor;
    if (!list.is_small) {
      CLEANMAIL_ASSIGN_OR_RETURN(
          floor, session.Query(floor_sql, with(list.prefix, {{"offset", bounds.window}})));
    }
    // All of the floor's own instant belongs to this window.
    const int64_t from = floor.empty() ? std::numeric_limits<int64_t>::min() : floor[0].Int(0);
    const int64_t limit = page.size - taken;
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(page_sql, with(list.where, {{"floor", from}, {"limit", limit}})));
    for (const sql::Row& row : rows) take(row);
    taken += static_cast<int32_t>(rows.size());
    if (taken == page.size) return ToKey({rows.back().Int(0), rows.back().Text(1)});
    if (floor.empty()) return std::string();
    place = {from, ""};
    if (absl::Now() >= deadline) return ToKey(place);
  }
}

}  // namespace cleanmail::reporting
