#include "services/provisioning/import/store.h"

#include "absl/strings/escaping.h"
#include "libs/authz/authorizer.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::provisioning::import {
namespace {

constexpr std::string_view kColumns =
    "id, tenant, kind, dry_run, state, error, reading, total, done, created, updated, unchanged, "
    "failed, created_us, ended_us";

Job ToJob(const sql::Row& row) {
  return {.id = row.Text(0),
          .tenant = row.Text(1),
          .kind = static_cast<Kind>(row.Int(2)),
          .dry_run = row.Int(3) != 0,
          .state = static_cast<State>(row.Int(4)),
          .error = row.Text(5),
          .reading = row.Text(6),
          .total = row.Int(7),
          .done = row.Int(8),
          .created = row.Int(9),
          .updated = row.Int(10),
          .unchanged = row.Int(11),
          .failed = row.Int(12),
          .created_us = row.Int(13),
          .ended_us = row.Int(14)};
}

absl::StatusOr<std::vector<Job>> Jobs(sql::Session& session, std::string_view rest,
                                      const sql::Parameters& parameters) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const std::vector<sql::Row> rows,
      session.Query(base::Cat("SELECT ", kColumns, " FROM imports ", rest), parameters));
  std::vector<Job> jobs;
  for (const sql::Row& row : rows) jobs.push_back(ToJob(row));
  return jobs;
}

absl::StatusOr<Job> Find(sql::Session& session, std::string_view tenant, std::string_view id) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<Job> jobs,
                             Jobs(session, "WHERE id = :id AND tenant = :tenant",
                                  {{"id", std::string(id)}, {"tenant", std::string(tenant)}}));
  if (jobs.empty()) return authz::NoSuchResource();
  return std::move(jobs[0]);
}

}  // namespace

absl::Status Store::Add(const Job& job, std::string_view content, int64_t most) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> open,
        session.Query(
            "SELECT COUNT(*) FROM imports WHERE tenant = :tenant AND state <= :running",
            {{"tenant", job.tenant}, {"running", static_cast<int64_t>(State::kRunning)}}));
    if (open[0].Int(0) >= most) {
      return absl::FailedPreconditionError(
          base::Cat(open[0].Int(0), " imports of this tenant have not ended; wait for one"));
    }
    return session
        .Execute(
            "INSERT INTO imports (id, tenant, kind, dry_run, state, error, reading, content, "
            "total, done, created, updated, unchanged, failed, created_us, ended_us) VALUES "
            "(:id, :tenant, :kind, :dry_run, :state, '', :reading, :content, :total, 0, 0, 0, "
            "0, 0, :created_us, 0)",
            {{"id", job.id},
             {"tenant", job.tenant},
             {"kind", static_cast<int64_t>(job.kind)},
             {"dry_run", int64_t{job.dry_run}},
             {"state", static_cast<int64_t>(job.state)},
             {"reading", job.reading},
             {"content", absl::Base64Escape(base::AbslView(content))},
             {"total", job.total},
             {"created_us", job.created_us}})
        .status();
  });
}

absl::StatusOr<Job> Store::Get(std::string_view tenant, std::string_view id) {
  absl::StatusOr<Job> job = authz::NoSuchResource();
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    job = Find(session, tenant, id);
    return absl::OkStatus();
  }));
  return job;
}

absl::StatusOr<std::string> Store::Content(std::string_view id) {
  std::string content;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT content FROM imports WHERE id = :id", {{"id", std::string(id)}}));
    if (rows.empty()) return absl::NotFoundError("the import is gone");
    if (!absl::Base64Unescape(rows[0].Text(0), &content))
      return absl::DataLossError("the file of the import is not base64");
    return absl::OkStatus();
  }));
  return content;
}

absl::StatusOr<std::vector<Job>> Store::List(std::string_view tenant, std::string_view after,
                                             int64_t limit) {
  std::vector<Job> jobs;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        jobs,
        Jobs(session, "WHERE tenant = :tenant AND id > :after ORDER BY id LIMIT :limit",
             {{"tenant", std::string(tenant)}, {"after", std::string(after)}, {"limit", limit}}));
    return absl::OkStatus();
  }));
  return jobs;
}

absl::StatusOr<std::vector<Job>> Store::Unfinished() {
  std::vector<Job> jobs;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(jobs, Jobs(session, "WHERE state <= :running ORDER BY id",
                                          {{"running", static_cast<int64_t>(State::kRunning)}}));
    return absl::OkStatus();
  }));
  return jobs;
}

absl::StatusOr<std::vector<LineResult>> Store::Lines(std::string_view id, int outcome,
                                                     int64_t after, int64_t limit) {
  std::vector<LineResult> lines;
  CLEANMAIL_RETURN_IF_ERROR(database_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::vector<sql::Row> rows,
        session.Query("SELECT line, outcome, address, message FROM import_lines WHERE import = "
                      ":id AND line > :after AND (:outcome = 0 OR outcome = :outcome) ORDER BY "
                      "line LIMIT :limit",
                      {{"id", std::string(id)},
                       {"after", after},
                       {"outcome", int64_t{outcome}},
                       {"limit", limit}}));
    for (const sql::Row& row : rows) {
      lines.push_back({.line = row.Int(0),
                       .outcome = static_cast<Outcome>(row.Int(1)),
                       .address = row.Text(2),
                       .message = row.Text(3)});
    }
    return absl::OkStatus();
  }));
  return lines;
}

absl::StatusOr<bool> Store::Write(sql::Session& session, const Job& job) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      const int64_t changed,
      session.Execute("UPDATE imports SET state = :state, error = :error, done = :done, created = "
                      ":created, updated = :updated, unchanged = :unchanged, failed = :failed, "
                      "ended_us = :ended_us WHERE id = :id AND state <= :running",
                      {{"state", static_cast<int64_t>(job.state)},
                       {"error", job.error},
                       {"done", job.done},
                       {"created", job.created},
                       {"updated", job.updated},
                       {"unchanged", job.unchanged},
                       {"failed", job.failed},
                       {"ended_us", job.ended_us},
                       {"id", job.id},
                       {"running", static_cast<int64_t>(State::kRunning)}}));
  if (changed == 0 || !IsFinal(job.state)) return changed > 0;
  CLEANMAIL_RETURN_IF_ERROR(
      session.Execute("UPDATE imports SET content = '' WHERE id = :id", {{"id", job.id}}).status());
  return true;
}

absl::Status Store::WriteLines(sql::Session& session, std::string_view id,
                               const std::vector<LineResult>& lines) {
  std::vector<sql::Parameters> rows;
  rows.reserve(lines.size());
  for (const LineResult& line : lines) {
    rows.push_back({{"import", std::string(id)},
                    {"line", line.line},
                    {"outcome", static_cast<int64_t>(line.outcome)},
                    {"address", line.address},
                    {"message", line.message}});
  }
  if (rows.empty()) return absl::OkStatus();
  return session.ExecuteMany(
      "INSERT INTO import_lines (import, line, outcome, address, message) VALUES (:import, :line, "
      ":outcome, :address, :message)",
      rows);
}

absl::Status Store::Cancel(std::string_view tenant, std::string_view id, int64_t now_us) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(Job job, Find(session, tenant, id));
    if (IsFinal(job.state)) return absl::FailedPreconditionError("the import has ended");
    job.state = State::kCancelled;
    job.ended_us = now_us;
    return Write(session, job).status();
  });
}

absl::Status Store::Delete(std::string_view tenant, std::string_view id) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Job job, Find(session, tenant, id));
    if (!IsFinal(job.state)) return absl::FailedPreconditionError("the import has not ended");
    CLEANMAIL_RETURN_IF_ERROR(
        session.Execute("DELETE FROM import_lines WHERE import = :id", {{"id", job.id}}).status());
    return session.Execute("DELETE FROM imports WHERE id = :id", {{"id", job.id}}).status();
  });
}

absl::Status Store::Forget(int64_t ended_before_us) {
  return database_.Transact([&](sql::Session& session) -> absl::Status {
    const sql::Parameters before = {{"before", ended_before_us}};
    CLEANMAIL_RETURN_IF_ERROR(
        session
            .Execute("DELETE FROM import_lines WHERE import IN (SELECT id FROM imports WHERE "
                     "ended_us > 0 AND ended_us < :before)",
                     before)
            .status());
    return session.Execute("DELETE FROM imports WHERE ended_us > 0 AND ended_us < :before", before)
        .status();
  });
}

}  // namespace cleanmail::provisioning::import
