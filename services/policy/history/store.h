#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"
#include "proto/cleanmail/policy/v1/judged.pb.h"
#include "proto/cleanmail/policy/v1/policy.pb.h"

namespace cleanmail::policy::history {

// A dry run and the policy it tries.
struct DryRunRow {
  v1::DryRun dry_run;
  v1::Policy policy;
};

// A row of what was judged, its body still packed.
struct JudgedRow {
  std::string message;
  int64_t generation = 0;
  std::string body;  // base64
};

// What was judged, and dry runs. Thread-safe.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  // All in one transaction; one that is there is written anew. `rows` carry tenant, message,
  // generation and body by those names.
  absl::Status Remember(const std::vector<sql::Parameters>& rows);
  // The newest judgement of a message. NotFound.
  absl::StatusOr<v1::Judged> Recall(std::string_view tenant, std::string_view message);
  // Rows of a tenant in order of time, after (`message`, `generation`).
  absl::StatusOr<std::vector<JudgedRow>> ListJudged(std::string_view tenant,
                                                    std::string_view message, int64_t generation,
                                                    int64_t limit);
  absl::StatusOr<int64_t> CountJudged(std::string_view tenant, std::string_view from_message);
  // The first tenant after `after` of which anything is remembered; empty: none.
  absl::StatusOr<std::string> NextTenant(std::string_view after);
  // Forgets a tenant's judgements of messages before `message`; returns how many.
  absl::StatusOr<int64_t> Forget(std::string_view tenant, std::string_view before_message,
                                 int64_t limit);

  // ResourceExhausted when `most` of the tenant are unfinished.
  absl::Status InsertDryRun(std::string_view tenant, const DryRunRow& row, int64_t created_at_us,
                            int64_t most);
  absl::StatusOr<v1::DryRun> GetDryRun(std::string_view tenant, std::string_view id);
  // Newest first, those before `before` (empty: all).
  absl::StatusOr<std::vector<v1::DryRun>> ListDryRuns(std::string_view tenant,
                                                      std::string_view before, int64_t limit);
  // Takes an unfinished dry run nobody works at, until `until_us`; nullopt: none.
  absl::StatusOr<std::optional<DryRunRow>> ClaimDryRun(int64_t now_us, int64_t until_us);
  // Writes how far it is; keeps the lease until then, or ends the work.
  absl::Status KeepDryRun(const v1::DryRun& dry_run, bool finished, int64_t lease_until_us);
  absl::Status DeleteDryRuns(int64_t created_before_us);

 private:
  sql::Database& database_;
};

std::string Pack(const google::protobuf::Message& message);
// DataLoss for a body that is not what was written.
absl::StatusOr<v1::Judged> UnpackJudged(const std::string& body);

}  // namespace cleanmail::policy::history
