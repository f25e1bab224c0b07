#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "proto/cleanmail/policy/v1/policy.pb.h"
#include "services/policy/policies.h"
#include "services/policy/store.h"

namespace cleanmail::policy {

// Allow and block lists as people change them. Thread-safe.
class Lists {
 public:
  Lists(Store& store, const base::Clock& clock, base::Random& random)
      : store_(store), clock_(clock), random_(random) {}

  // InvalidArgument naming the field; AlreadyExists; ResourceExhausted.
  absl::StatusOr<v1::ListEntry> Create(std::string_view tenant, v1::ListEntry entry,
                                       std::string_view author);
  // NotFound; Aborted (ETAG_MISMATCH); as Create. The scope stays.
  absl::StatusOr<Change<v1::ListEntry>> Update(std::string_view tenant, std::string_view id,
                                               const v1::ListEntry& entry,
                                               const google::protobuf::FieldMask& mask);
  absl::StatusOr<v1::ListEntry> Delete(std::string_view tenant, std::string_view id,
                                       std::string_view etag);
  absl::StatusOr<v1::ListEntry> Get(std::string_view tenant, std::string_view id) const {
    return store_.GetEntry(tenant, id);
  }
  absl::StatusOr<std::vector<v1::ListEntry>> List(const EntryFilter& filter) const {
    return store_.ListEntries(filter);
  }
  // See policy.proto. `may_have` says whether the caller may write entries of a scope.
  absl::StatusOr<v1::ImportListEntriesResponse> Import(
      std::string_view tenant, const v1::ImportListEntriesRequest& request,
      std::string_view author, absl::FunctionRef<bool(std::string_view scope)> may_have);

  // Writes hits to the store; called by a timer.
  absl::Status KeepHits(ListHits& hits);
  // Ends what ended a day ago; called by a timer.
  absl::Status Sweep();

 private:
  void Begin(std::string_view tenant, std::string_view author, v1::ListEntry& entry);

  Store& store_;
  const base::Clock& clock_;
  base::Random& random_;
};

// Entries as CSV with a line of column names; cells that a spreadsheet would compute begin with an
// apostrophe.
std::string ToCsv(const std::vector<v1::ListEntry>& entries);

}  // namespace cleanmail::policy
