// Bulk work and settings.
#include "absl/strings/ascii.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"
#include "services/quarantine/api.h"

namespace cleanmail::quarantine {
namespace {

using authz::Permission;
using rpc::Caller;

constexpr int32_t kExamples = 20;

v1::HoldBatch ToBatch(const BatchRow& row) {
  v1::HoldBatch batch;
  batch.set_name(base::Cat("tenants/", row.tenant, "/holdBatches/", row.id));
  batch.set_action(row.action);
  if (row.action != v1::HoldBatch::ACTION_ERASE) batch.set_filter(row.filter);
  batch.mutable_progress()->set_state(row.state);
  batch.mutable_progress()->set_done(row.done);
  batch.mutable_progress()->set_total(row.total);
  batch.mutable_progress()->set_error(row.error);
  batch.set_skipped(row.skipped);
  batch.mutable_create_time()->set_seconds(row.created_at_us / 1'000'000);
  batch.set_created_by(row.created_by);
  return batch;
}

// Bulk work is the tenant's to see; below it, whoever began it.
bool Sees(const Caller& caller, const BatchRow& row) {
  return (caller.role != rpc::Role::kDomain && caller.role != rpc::Role::kUser) ||
         caller.id == row.created_by;
}

}  // namespace

absl::StatusOr<std::string> Api::OneTenant(const Caller& caller, Permission permission,
                                           std::string_view pattern, const std::string& name,
                                           bool filtered) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match(pattern, name));
  CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
      caller, permission, {.tenant = parts[0], .resource = name, .filtered = filtered}));
  if (!parts_.directory.AwaitTenant(parts[0])) return authz::NoSuchResource();
  return parts[0];
}

absl::Status Api::StartBatch(const Caller& caller, Permission permission, const Batches::Wish& wish,
                             bool validate_only, v1::HoldBatch* reply) {
  if (validate_only) {
    CLEANMAIL_ASSIGN_OR_RETURN(const Batches::Preview preview,
                               parts_.batches.Look(caller, wish, kExamples));
    reply->set_action(wish.action);
    reply->set_filter(wish.filter);
    reply->mutable_progress()->set_total(preview.total);
    for (const HoldRow& row : preview.examples)
      *reply->add_examples() = ToProto(row, caller.role == rpc::Role::kUser);
    return absl::OkStatus();
  }
  CLEANMAIL_ASSIGN_OR_RETURN(const BatchRow batch, parts_.batches.Start(caller, wish));
  *reply = ToBatch(batch);
  parts_.authz.Changed(caller, permission, {.tenant = wish.tenant, .resource = reply->name()},
                       nullptr, reply);
  return absl::OkStatus();
}

grpc::Status Api::BulkReleaseHolds(grpc::ServerContext* rpc,
                                   const v1::BulkReleaseHoldsRequest* request,
                                   v1::HoldBatch* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::string tenant,
        OneTenant(caller, Permission::kReleaseHold, "tenants/*", request->parent(), true));
    return StartBatch(caller, Permission::kReleaseHold,
                      {.action = v1::HoldBatch::ACTION_RELEASE,
                       .tenant = tenant,
                       .filter = request->filter(),
                       .accept_risk = request->accept_risk() && caller.role != rpc::Role::kUser},
                      request->validate_only(), reply);
  });
}

grpc::Status Api::BulkDeleteHolds(grpc::ServerContext* rpc,
                                  const v1::BulkDeleteHoldsRequest* request, v1::HoldBatch* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::string tenant,
        OneTenant(caller, Permission::kDeleteHold, "tenants/*", request->parent(), true));
    return StartBatch(
        caller, Permission::kDeleteHold,
        {.action = v1::HoldBatch::ACTION_DELETE, .tenant = tenant, .filter = request->filter()},
        request->validate_only(), reply);
  });
}

grpc::Status Api::EraseHolds(grpc::ServerContext* rpc, const v1::EraseHoldsRequest* request,
                             v1::HoldBatch* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::string tenant,
        OneTenant(caller, Permission::kErasePersons, "tenants/*", request->parent(), false));
    const std::string address = absl::AsciiStrToLower(request->address());
    if (address.size() > 320 || address.find('@') == std::string::npos)
      return rpc::WithField(absl::InvalidArgumentError("address: an e-mail address was expected"),
                            "address");
    return StartBatch(caller, Permission::kErasePersons,
                      {.action = v1::HoldBatch::ACTION_ERASE, .tenant = tenant, .filter = address},
                      false, reply);
  });
}

grpc::Status Api::GetHoldBatch(grpc::ServerContext* rpc, const v1::GetHoldBatchRequest* request,
                               v1::HoldBatch* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant,
                               OneTenant(caller, Permission::kReadHolds, "tenants/*/holdBatches/*",
                                         request->name(), true));
    const std::string id = request->name().substr(request->name().rfind('/') + 1);
    CLEANMAIL_ASSIGN_OR_RETURN(const BatchRow batch, parts_.batch_store.Find(tenant, id));
    if (!Sees(caller, batch)) return authz::NoSuchResource();
    *reply = ToBatch(batch);
    return absl::OkStatus();
  });
}

grpc::Status Api::ListHoldBatches(grpc::ServerContext* rpc,
                                  const v1::ListHoldBatchesRequest* request,
                                  v1::ListHoldBatchesResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::string tenant,
        OneTenant(caller, Permission::kReadHolds, "tenants/*", request->parent(), true));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string after,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t limit, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<BatchRow> rows,
                               parts_.batch_store.List(tenant, after, limit));
    for (const BatchRow& row : rows) {
      if (Sees(caller, row)) *reply->add_hold_batches() = ToBatch(row);
    }
    if (static_cast<int32_t>(rows.size()) == limit)
      reply->set_next_page_token(rpc::resource::ToPageToken(rows.back().id));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetQuarantineSettings(grpc::ServerContext* rpc,
                                        const v1::GetQuarantineSettingsRequest* request,
                                        v1::QuarantineSettings* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant,
                               OneTenant(caller, Permission::kReadQuarantineSettings,
                                         "tenants/*/quarantineSettings", request->name(), false));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, parts_.settings.Get(tenant));
    return absl::OkStatus();
  });
}

grpc::Status Api::UpdateQuarantineSettings(grpc::ServerContext* rpc,
                                           const v1::UpdateQuarantineSettingsRequest* request,
                                           v1::QuarantineSettings* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->settings().name();
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant,
                               OneTenant(caller, Permission::kWriteQuarantineSettings,
                                         "tenants/*/quarantineSettings", name, false));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::QuarantineSettings before, parts_.settings.Get(tenant));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, parts_.settings.Set(tenant, request->settings()));
    parts_.authz.Changed(caller, Permission::kWriteQuarantineSettings,
                         {.tenant = tenant, .resource = name}, &before, reply);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::quarantine
