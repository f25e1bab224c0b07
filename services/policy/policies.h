#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "google/protobuf/field_mask.pb.h"
#include "libs/base/clock.h"
#include "services/policy/store.h"

namespace cleanmail::policy {

// Which policy is changed, by whom.
struct PolicyEdit {
  std::string tenant;
  std::string policy;
  std::string author;
  std::string comment;
  std::string etag;  // empty: whatever it is
};

// A resource before and after a change; before is empty when it was made.
template <class T>
struct Change {
  std::optional<T> before;
  T after;
};

// Tenants' policies, their versions and settings. Thread-safe.
class Policies {
 public:
  Policies(Store& store, const base::Clock& clock) : store_(store), clock_(clock) {}

  // By id, the recommended ones among them.
  absl::StatusOr<std::vector<v1::Policy>> List(std::string_view tenant) const;
  absl::StatusOr<v1::Policy> Get(std::string_view tenant, std::string_view policy) const;
  // InvalidArgument naming the field; AlreadyExists; ResourceExhausted beyond 200 of a tenant.
  absl::StatusOr<v1::Policy> Create(const PolicyEdit& edit, v1::Policy policy) const;
  // InvalidArgument naming the field; NotFound; Aborted (ETAG_MISMATCH).
  absl::StatusOr<Change<v1::Policy>> Update(const PolicyEdit& edit, const v1::Policy& policy,
                                            const google::protobuf::FieldMask& mask) const;
  absl::StatusOr<Change<v1::Policy>> Rollback(const PolicyEdit& edit, int64_t version) const;
  // The policy as it was.
  absl::StatusOr<v1::Policy> Delete(const PolicyEdit& edit) const;

  absl::StatusOr<v1::PolicyVersion> GetVersion(std::string_view tenant, std::string_view policy,
                                               int64_t version) const;
  // Newest first, those below `before`.
  absl::StatusOr<std::vector<v1::PolicyVersion>> ListVersions(std::string_view tenant,
                                                              std::string_view policy,
                                                              int64_t before, int64_t limit) const;

  absl::StatusOr<v1::PolicySettings> GetSettings(std::string_view tenant) const;
  absl::StatusOr<Change<v1::PolicySettings>> UpdateSettings(
      std::string_view tenant, const v1::PolicySettings& settings,
      const google::protobuf::FieldMask& mask) const;

 private:
  absl::StatusOr<v1::PolicyVersion> NewVersion(const PolicyEdit& edit, const PolicyState& state,
                                               v1::Policy policy) const;

  Store& store_;
  const base::Clock& clock_;
};

}  // namespace cleanmail::policy
