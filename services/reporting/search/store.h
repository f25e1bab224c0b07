#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/authz/authorizer.h"
#include "libs/rpc/resource/filter.h"
#include "libs/store/sql/database.h"
#include "proto/cleanmail/reporting/v1/reporting.pb.h"

namespace cleanmail::reporting {

// What a person may ask for in each list.
const rpc::resource::FilterSchema& MessageSchema();
const rpc::resource::FilterSchema& RefusalSchema();
const rpc::resource::FilterSchema& AuditSchema();

// Whose things are looked at.
struct Scope {
  std::string tenant;  // empty: every tenant of `visible`
  authz::Visible visible;
};

// A page of a list that is newest first. `after` and `next` are keys, empty at the beginning and
// the end.
struct PageOf {
  std::string after = {};
  int32_t size = 100;
};
template <class T>
struct Page {
  std::vector<T> items;
  std::string next;
};

// How much a search may do before it gives out what it has.
struct SearchBounds {
  int64_t window = 8'000;  // rows looked at in one statement
  absl::Duration time = absl::Milliseconds(80);
};

// Reads what reporting has written down. Whatever a caller may not see is left out by the same
// statement that looks for it, so that no filter can tell that it is there. Thread-safe.
class Search {
 public:
  Search(sql::Database& database, SearchBounds bounds) : database_(database), bounds_(bounds) {}

  // InvalidArgument: a page key that is not ours.
  absl::StatusOr<Page<v1::Message>> Messages(const Scope& scope,
                                             const rpc::resource::Filter& filter,
                                             const PageOf& page);
  // With entries and findings. NotFound in the words of authz::NoSuchResource.
  absl::StatusOr<v1::Message> Message(const Scope& scope, std::string_view message);
  absl::StatusOr<Page<v1::Refusal>> Refusals(const Scope& scope,
                                             const rpc::resource::Filter& filter,
                                             const PageOf& page);
  absl::StatusOr<Page<v1::AuditEntry>> Audit(const Scope& scope,
                                             const rpc::resource::Filter& filter,
                                             const PageOf& page);
  // At most `limit`; hours begun from `from_us` on and before `to_us`, joined to `step_us`.
  absl::StatusOr<std::vector<v1::Count>> Counts(const Scope& scope, int64_t from_us, int64_t to_us,
                                                int64_t step_us, int64_t limit);

 private:
  sql::Database& database_;
  const SearchBounds bounds_;
};

}  // namespace cleanmail::reporting
