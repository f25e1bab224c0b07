#include "services/provisioning/import/imports.h"

#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"
#include "services/provisioning/rules.h"

namespace cleanmail::provisioning::import {
namespace {

constexpr size_t kBatch = 500;           // lines in a transaction
constexpr int64_t kMostUnfinished = 10;  // of a tenant
constexpr absl::Duration kKept = absl::Hours(30 * 24);

void Count(const LineResult& line, Job& job) {
  ++job.done;
  switch (line.outcome) {
    case Outcome::kCreated:
      ++job.created;
      break;
    case Outcome::kUpdated:
      ++job.updated;
      break;
    case Outcome::kUnchanged:
      ++job.unchanged;
      break;
    case Outcome::kFailed:
      ++job.failed;
      break;
  }
}

}  // namespace

absl::StatusOr<Job> Imports::Create(std::string_view tenant, Kind kind, std::string_view content,
                                    bool dry_run) {
  if (content.size() > kLargestFile) return Wrong("import.content", "larger than 10 MiB");
  const auto file = File::Open(content, kind);
  if (!file.ok()) return Wrong("import.content", base::View(file.status().message()));
  if ((*file)->total() > kMostLines)
    return Wrong("import.content", base::Cat("more than ", kMostLines, " lines"));
  CLEANMAIL_RETURN_IF_ERROR(directory_.Get(base::Cat("tenants/", tenant)).status());
  Job job{.id = base::NewUuid(clock_, random_),
          .tenant = std::string(tenant),
          .kind = kind,
          .dry_run = dry_run,
          .reading = (*file)->reading(),
          .total = (*file)->total(),
          .created_us = base::NowMicros(clock_)};
  CLEANMAIL_RETURN_IF_ERROR(store_.Add(job, content, kMostUnfinished));
  Enqueue(job);
  return job;
}

absl::StatusOr<Job> Imports::Cancel(std::string_view tenant, std::string_view id) {
  CLEANMAIL_RETURN_IF_ERROR(store_.Cancel(tenant, id, base::NowMicros(clock_)));
  return store_.Get(tenant, id);
}

absl::Status Imports::Resume() {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<Job> jobs, store_.Unfinished());
  for (Job& job : jobs) Enqueue(std::move(job));
  return absl::OkStatus();
}

void Imports::Forget() {
  const absl::Status forgotten =
      store_.Forget(base::NowMicros(clock_) - absl::ToInt64Microseconds(kKept));
  if (!forgotten.ok())
    log_.Warning("imports.not_forgotten", {{"error", base::View(forgotten.message())}});
}

void Imports::Stop() {
  absl::MutexLock lock(&mutex_);
  stopping_ = true;
  mutex_.Await(absl::Condition(
      +[](bool* running) { return !*running; }, &running_));
}

void Imports::Enqueue(Job job) {
  {
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(std::move(job));
    if (running_ || stopping_) return;
    running_ = true;
  }
  run_([this] { RunNext(); });
}

void Imports::RunNext() {
  while (true) {
    Job job;
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_ || waiting_.empty()) {
        running_ = false;
        return;
      }
      job = std::move(waiting_.front());
      waiting_.pop_front();
    }
    Run(std::move(job));
  }
}

void Imports::Run(Job job) {
  job.state = State::kRunning;
  const absl::Status status = RunBatches(job);
  if (status.ok()) return;
  job.state = State::kFailed;
  job.error = base::Cat("stopped after ", job.done, " lines: ", status.message());
  job.ended_us = base::NowMicros(clock_);
  log_.Error("import.failed",
             {{"import", job.id}, {"tenant", job.tenant}, {"error", base::View(status.message())}});
  const absl::Status written =
      store_.Change([&](sql::Session& session) { return Store::Write(session, job).status(); });
  if (!written.ok())
    log_.Error("import.not_written",
               {{"import", job.id}, {"error", base::View(written.message())}});
}

absl::Status Imports::RunBatches(Job& job) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string content, store_.Content(job.id));
  if (content.empty()) return absl::OkStatus();  // cancelled before it began
  CLEANMAIL_ASSIGN_OR_RETURN(const std::unique_ptr<File> file, File::Open(content, job.kind));
  for (int64_t i = 0; i < job.done; ++i) {  // of an earlier process
    if (job.kind == Kind::kUsers) {
      file->NextUser();
    } else {
      file->NextObserved();
    }
  }
  for (bool more = true; more;) {
    {
      absl::MutexLock lock(&mutex_);
      if (stopping_) return absl::OkStatus();
    }
    CLEANMAIL_RETURN_IF_ERROR(RunBatch(*file, job, more));
  }
  return absl::OkStatus();
}

absl::Status Imports::RunBatch(File& file, Job& job, bool& more) {
  std::vector<UserLine> users;
  std::vector<ObservedLine> observed;
  more = true;
  while (more && users.size() + observed.size() < kBatch) {
    if (job.kind == Kind::kUsers) {
      std::optional<UserLine> line = file.NextUser();
      more = line.has_value();
      if (more) users.push_back(*std::move(line));
    } else {
      std::optional<ObservedLine> line = file.NextObserved();
      more = line.has_value();
      if (more) observed.push_back(*std::move(line));
    }
  }
  if (!more) {
    job.state = State::kSucceeded;
    job.ended_us = base::NowMicros(clock_);
  }
  const absl::Status applied = ApplyBatch(users, observed, job);
  if (absl::IsCancelled(applied)) {  // by a person
    more = false;
    return absl::OkStatus();
  }
  return applied;
}

absl::Status Imports::ApplyBatch(const std::vector<UserLine>& users,
                                 const std::vector<ObservedLine>& observed, Job& job) {
  Job counted;
  std::vector<LineResult> results;
  bool rehearsed = false;  // in a dry run all is done and taken back
  const auto apply = [&](Transaction& transaction) -> absl::Status {
    counted = job;
    results.clear();
    Batch batch(transaction, job.tenant);
    const auto keep = [&](absl::StatusOr<LineResult> result) -> absl::Status {
      CLEANMAIL_RETURN_IF_ERROR(result.status());
      Count(*result, counted);
      results.push_back(*std::move(result));
      return absl::OkStatus();
    };
    for (const UserLine& line : users) CLEANMAIL_RETURN_IF_ERROR(keep(batch.Apply(line)));
    for (const ObservedLine& line : observed) CLEANMAIL_RETURN_IF_ERROR(keep(batch.Apply(line)));
    CLEANMAIL_RETURN_IF_ERROR(batch.Finish());
    if (job.dry_run) {
      rehearsed = true;
      return absl::CancelledError("a dry run is taken back");
    }
    CLEANMAIL_RETURN_IF_ERROR(Store::WriteLines(transaction.session(), job.id, results));
    CLEANMAIL_ASSIGN_OR_RETURN(const bool going, Store::Write(transaction.session(), counted));
    return going ? absl::OkStatus() : absl::CancelledError("");
  };
  const absl::Status applied = directory_.Change(apply);
  if (!applied.ok() && !rehearsed) return applied;
  if (job.dry_run) {
    CLEANMAIL_RETURN_IF_ERROR(store_.Change([&](sql::Session& session) -> absl::Status {
      CLEANMAIL_RETURN_IF_ERROR(Store::WriteLines(session, job.id, results));
      CLEANMAIL_ASSIGN_OR_RETURN(const bool going, Store::Write(session, counted));
      return going ? absl::OkStatus() : absl::CancelledError("");
    }));
  }
  job = counted;
  return absl::OkStatus();
}

}  // namespace cleanmail::provisioning::import
