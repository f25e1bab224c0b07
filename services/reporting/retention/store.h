#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/store/sql/database.h"
#include "proto/cleanmail/reporting/v1/reporting.pb.h"

namespace cleanmail::reporting {

// How long things are kept where a tenant has not said, and the longest it may say.
struct Lives {
  absl::Duration messages = absl::Hours(720);
  absl::Duration refusals = absl::Hours(720);
  absl::Duration audit = absl::Hours(8760);
  absl::Duration longest = absl::Hours(87'600);
};

// What is forgotten, and when: by time, and of one person on request. Thread-safe.
class Retention {
 public:
  Retention(sql::Database& database, base::Clock& clock, base::Random& random, Lives lives)
      : database_(database), clock_(clock), random_(random), lives_(lives) {}

  absl::StatusOr<v1::RetentionSettings> Get(std::string_view tenant);
  // InvalidArgument names the field; Aborted, reason ETAG_MISMATCH.
  absl::StatusOr<v1::RetentionSettings> Set(std::string_view tenant,
                                            const v1::RetentionSettings& settings);
  // Forgets what is too old, at most `limit` rows of each kind and tenant; called by a timer.
  // Counts stay.
  absl::Status Sweep(int64_t limit);

  // Begins to erase a person, by address.
  absl::StatusOr<v1::Erasure> StartErasure(std::string_view tenant, std::string_view address);
  // NotFound in the words of authz::NoSuchResource.
  absl::StatusOr<v1::Erasure> GetErasure(std::string_view tenant, std::string_view id);
  // Newest first, after the id `after`.
  absl::StatusOr<std::vector<v1::Erasure>> ListErasures(std::string_view tenant,
                                                        std::string_view after, int32_t limit);
  // Does a step of every erasure that is not done; called by a timer.
  absl::Status ContinueErasures(int64_t limit);

 private:
  sql::Database& database_;
  base::Clock& clock_;
  base::Random& random_;
  const Lives lives_;
};

}  // namespace cleanmail::reporting
