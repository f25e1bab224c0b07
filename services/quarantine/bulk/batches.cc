#include "services/quarantine/bulk/batches.h"

#include <tuple>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/uuid.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/on_behalf.h"

namespace cleanmail::quarantine {
namespace {

using rpc::resource::Filter;
using rpc::resource::FilterOp;

constexpr int64_t kStep = 200;  // recipients of one transaction

Filter Is(std::string_view field, const std::string& value) {
  return {.kind = Filter::Kind::kTerm,
          .field = std::string(field),
          .op = FilterOp::kEqual,
          .value = value};
}

HoldName NameFor(const Scope& scope, const std::string& message) {
  return {.tenant = scope.tenant,
          .message = message,
          .visible = scope.visible,
          .sees_unlisted = scope.sees_unlisted};
}

}  // namespace

Scope ScopeFor(const authz::Authorizer& authz, const rpc::Caller& caller, std::string_view tenant) {
  return {.tenant = std::string(tenant),
          .visible = authz.VisibleTo(caller),
          .sees_unlisted = caller.role != rpc::Role::kUser};
}

absl::StatusOr<HoldQuery> Batches::QueryOf(const rpc::Caller& caller, const Wish& wish) {
  HoldQuery query = {.scope = ScopeFor(authz_, caller, wish.tenant), .only_held = true};
  if (wish.action == v1::HoldBatch::ACTION_ERASE) {
    query.only_held = false;
    query.filter = {.kind = Filter::Kind::kOr,
                    .below = {Is("sender", wish.filter), Is("recipient", wish.filter)}};
    return query;
  }
  absl::StatusOr<Filter> filter = rpc::resource::ParseFilter(wish.filter, HoldSchema());
  if (!filter.ok()) return rpc::WithField(filter.status(), "filter");
  // Everything must be said, not forgotten to be narrowed.
  if (filter->kind == Filter::Kind::kAll)
    return rpc::WithField(
        absl::InvalidArgumentError("filter: say which; state = held is all that are held"),
        "filter");
  query.filter = *std::move(filter);
  return query;
}

absl::StatusOr<Batches::Preview> Batches::Look(const rpc::Caller& caller, const Wish& wish,
                                               int32_t examples) {
  CLEANMAIL_ASSIGN_OR_RETURN(const HoldQuery query, QueryOf(caller, wish));
  Preview preview;
  CLEANMAIL_RETURN_IF_ERROR(store_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(preview.total, Store::CountRecipients(session, query));
    if (examples == 0) return absl::OkStatus();
    CLEANMAIL_ASSIGN_OR_RETURN(preview.examples, Store::List(session, query, "", examples));
    return absl::OkStatus();
  }));
  return preview;
}

absl::StatusOr<BatchRow> Batches::Start(const rpc::Caller& caller, const Wish& wish) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Preview preview, Look(caller, wish, 0));
  BatchRow batch{.id = base::NewUuid(clock_, random_),
                 .tenant = wish.tenant,
                 .action = wish.action,
                 .filter = wish.filter,
                 .caller = rpc::ToProto(caller).SerializeAsString(),
                 .accept_risk = wish.accept_risk,
                 .total = preview.total,
                 .error = {},
                 .created_at_us = base::NowMicros(clock_),
                 .created_by = caller.id,
                 .last_message = {},
                 .last_address = {}};
  CLEANMAIL_RETURN_IF_ERROR(batches_.Insert(batch));
  return batch;
}

absl::Status Batches::Erase(const Recipients& recipients, const std::string& address) {
  return store_.Transact([&](sql::Session& session) -> absl::Status {
    for (const auto& [message, recipient] : recipients) {
      // His own mail goes whole; of others' mail only his part.
      const bool is_recipient = absl::AsciiStrToLower(recipient) == address;
      CLEANMAIL_RETURN_IF_ERROR(
          Store::Erase(session, message, is_recipient ? recipient : std::string()));
    }
    return absl::OkStatus();
  });
}

absl::Status Batches::Do(const rpc::Caller& caller, const Recipients& recipients, BatchRow& batch) {
  const Scope scope = ScopeFor(authz_, caller, batch.tenant);
  if (batch.action == v1::HoldBatch::ACTION_ERASE) return Erase(recipients, batch.filter);
  std::vector<std::pair<HoldName, ReleaseOptions>> items;
  for (const auto& [message, recipient] : recipients) {
    if (batch.action == v1::HoldBatch::ACTION_DELETE) {
      const auto deleted = holds_.Delete(NameFor(scope, message), {recipient}, batch.created_by);
      if (!deleted.ok() && !absl::IsNotFound(deleted.status())) return deleted.status();
      continue;
    }
    items.emplace_back(NameFor(scope, message),
                       ReleaseOptions{.recipients = {recipient},
                                      .by = batch.created_by,
                                      .is_user = caller.role == rpc::Role::kUser,
                                      .accept_risk = batch.accept_risk});
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<absl::Status> statuses, holds_.ReleaseEach(items));
  for (const absl::Status& status : statuses) batch.skipped += status.ok() ? 0 : 1;
  return absl::OkStatus();
}

absl::Status Batches::Step(BatchRow& batch) {
  api::v1::Caller said;
  (void)said.ParseFromString(batch.caller);
  const rpc::Caller caller = rpc::FromProto(said);
  CLEANMAIL_ASSIGN_OR_RETURN(
      HoldQuery query,
      QueryOf(caller, {.action = batch.action, .tenant = batch.tenant, .filter = batch.filter}));
  query.held_before_us = batch.created_at_us;
  Recipients recipients;
  CLEANMAIL_RETURN_IF_ERROR(store_.Read([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(recipients, Store::Recipients(session, query, batch.last_message,
                                                             batch.last_address, kStep));
    return absl::OkStatus();
  }));
  CLEANMAIL_RETURN_IF_ERROR(Do(caller, recipients, batch));
  batch.done += static_cast<int64_t>(recipients.size());
  if (!recipients.empty()) std::tie(batch.last_message, batch.last_address) = recipients.back();
  if (static_cast<int64_t>(recipients.size()) < kStep) {
    batch.state = api::v1::Progress::STATE_SUCCEEDED;
    batch.total = batch.done;
    if (batch.action == v1::HoldBatch::ACTION_ERASE) {  // the proof does not name whom
      batch.filter = batch.last_address = "(erased)";
    }
  }
  return batches_.Update(batch);
}

absl::Status Batches::Continue(absl::Duration time) {
  const absl::Time deadline = absl::Now() + time;
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<BatchRow> running, batches_.Running());
  for (BatchRow& batch : running) {
    while (batch.state == api::v1::Progress::STATE_RUNNING && absl::Now() < deadline) {
      const absl::Status status = Step(batch);
      if (status.ok()) continue;
      if (absl::IsUnavailable(status) || absl::IsAborted(status) ||
          absl::IsResourceExhausted(status))
        return status;  // later
      batch.state = api::v1::Progress::STATE_FAILED;
      batch.error = std::string(base::View(status.message()));
      CLEANMAIL_RETURN_IF_ERROR(batches_.Update(batch));
    }
  }
  return absl::OkStatus();
}

}  // namespace cleanmail::quarantine
