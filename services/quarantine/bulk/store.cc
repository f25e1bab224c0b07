#include "services/quarantine/bulk/store.h"

#include "absl/strings/escaping.h"
#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::quarantine {

absl::Status BatchStore::Insert(const BatchRow& row) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    return session
        .Execute(
            "INSERT INTO hold_batches (batch, tenant, work, filter, caller, accept_risk, "
            "state, done, total, skipped, error, created_at_us, created_by, last_message, "
            "last_address) VALUES (:batch, :tenant, :work, :filter, :caller, :accept_risk, "
            ":state, 0, :total, 0, '', :created_at, :created_by, '', '')",
            {{"batch", row.id},
             {"tenant", row.tenant},
             {"work", int64_t{row.action}},
             {"filter", row.filter},
             {"caller", absl::Base64Escape(row.caller)},
             {"accept_risk", int64_t{row.accept_risk}},
             {"state", int64_t{row.state}},
             {"total", row.total},
             {"created_at", row.created_at_us},
             {"created_by", row.created_by}})
        .status();
  });
}

absl::Status BatchStore::Update(const BatchRow& row) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    return session
        .Execute(
            "UPDATE hold_batches SET state = :state, done = :done, total = :total, skipped = "
            ":skipped, error = :error, last_message = :last_message, last_address = "
            ":last_address, filter = :filter WHERE batch = :batch",
            {{"state", int64_t{row.state}},
             {"done", row.done},
             {"total", row.total},
             {"skipped", row.skipped},
             {"error", row.error},
             {"last_message", row.last_message},
             {"last_address", row.last_address},
             {"filter", row.filter},
             {"batch", row.id}})
        .status();
  });
}

absl::StatusOr<std::vector<BatchRow>> BatchStore::Query(std::string_view where,
                                                        const sql::Parameters& parameters) {
  std::vector<BatchRow> batches;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query(
            base::Cat("SELECT batch, tenant, work, filter, caller, accept_risk, state, done, "
                      "total, skipped, error, created_at_us, created_by, last_message, "
                      "last_address FROM hold_batches WHERE ",
                      where),
            parameters));
    for (const sql::Row& row : rows) {
      BatchRow& batch = batches.emplace_back();
      batch.id = row.Text(0);
      batch.tenant = row.Text(1);
      batch.action = static_cast<v1::HoldBatch::Action>(row.Int(2));
      batch.filter = row.Text(3);
      (void)absl::Base64Unescape(row.Text(4), &batch.caller);  // empty: a caller that may nothing
      batch.accept_risk = row.Int(5) != 0;
      batch.state = static_cast<api::v1::Progress::State>(row.Int(6));
      batch.done = row.Int(7);
      batch.total = row.Int(8);
      batch.skipped = row.Int(9);
      batch.error = row.Text(10);
      batch.created_at_us = row.Int(11);
      batch.created_by = row.Text(12);
      batch.last_message = row.Text(13);
      batch.last_address = row.Text(14);
    }
    return absl::OkStatus();
  }));
  return batches;
}

absl::StatusOr<BatchRow> BatchStore::Find(std::string_view tenant, std::string_view id) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<BatchRow> found,
                             Query("batch = :batch AND tenant = :tenant",
                                   {{"batch", std::string(id)}, {"tenant", std::string(tenant)}}));
  if (found.empty()) return authz::NoSuchResource();
  return std::move(found[0]);
}

absl::StatusOr<std::vector<BatchRow>> BatchStore::List(std::string_view tenant,
                                                       std::string_view after, int64_t limit) {
  return Query(
      "tenant = :tenant AND (:after = '' OR batch < :after) ORDER BY batch DESC LIMIT :limit",
      {{"tenant", std::string(tenant)}, {"after", std::string(after)}, {"limit", limit}});
}

absl::StatusOr<std::vector<BatchRow>> BatchStore::Running() {
  return Query("state = :state ORDER BY batch",
               {{"state", int64_t{api::v1::Progress::STATE_RUNNING}}});
}

}  // namespace cleanmail::quarantine
