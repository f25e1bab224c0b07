#pragma once

#include <map>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/store/sql/database.h"
#include "proto/cleanmail/quarantine/v1/quarantine.pb.h"

namespace cleanmail::quarantine {

// How long kinds are held: the installation's say, then each tenant's. Thread-safe.
class Settings {
 public:
  using Lives = std::map<mail::v1::HoldKind, absl::Duration>;

  Settings(sql::Database& database, absl::Duration life, Lives lives)
      : database_(database), life_(life), lives_(std::move(lives)) {}

  absl::StatusOr<absl::Duration> LifeOf(std::string_view tenant, mail::v1::HoldKind kind);
  absl::StatusOr<v1::QuarantineSettings> Get(std::string_view tenant);
  // InvalidArgument names the field; Aborted, reason ETAG_MISMATCH.
  absl::StatusOr<v1::QuarantineSettings> Set(std::string_view tenant,
                                             const v1::QuarantineSettings& settings);

 private:
  sql::Database& database_;
  const absl::Duration life_;
  const Lives lives_;
};

}  // namespace cleanmail::quarantine
