#pragma once

#include <string>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "libs/rpc/resource/filter.h"
#include "libs/store/sql/filter_sql.h"
#include "services/reporting/search/store.h"

namespace cleanmail::reporting {

// A list that is newest first, by a time and an id that an index has in this order.
struct List {
  std::string_view narrow;      // the table the index is of: "messages m"
  sql::Conditions prefix = {};  // what the index begins with
  std::string_view at;          // "m.accepted_at_us"
  std::string_view id;          // "m.message"
  std::string_view from;        // all tables: "messages m CROSS JOIN message_recipients r"
  std::string_view columns;     // after time and id, which are the first two
  sql::Conditions where = {};   // everything, the prefix too
  bool is_small = false;        // the prefix finds so little that no window is needed
};

// Walks through a list in windows of rows, each one statement that an index bounds, until a page is
// full, the list at its end or the time over. Returns the key of the next page.
absl::StatusOr<std::string> Walk(sql::Session& session, const List& list, const PageOf& page,
                                 const SearchBounds& bounds,
                                 absl::FunctionRef<void(const sql::Row&)> take);

}  // namespace cleanmail::reporting
