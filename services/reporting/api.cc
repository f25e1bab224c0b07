#include "services/reporting/api.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"

namespace cleanmail::reporting {
namespace {

using authz::Permission;
using rpc::Caller;
using rpc::resource::Filter;
using rpc::resource::FilterSchema;

constexpr int64_t kHour = int64_t{3600} * 1'000'000;
constexpr int64_t kMostCounts = 10'000;

// Microseconds of a time, taken into the years 1 to 9999: a caller may send any number.
int64_t MicrosOf(const google::protobuf::Timestamp& time) {
  constexpr int64_t kFirst = -62'135'596'800;
  constexpr int64_t kLast = 253'402'300'799;
  return std::clamp(time.seconds(), kFirst, kLast) * 1'000'000;
}

// What a list was asked for.
struct Asked {
  Scope scope;
  Filter filter;
  PageOf page;
};

template <class Request>
absl::StatusOr<PageOf> ReadPage(const Request& request) {
  PageOf page;
  CLEANMAIL_ASSIGN_OR_RETURN(page.after, rpc::resource::FromPageToken(request.page_token()));
  CLEANMAIL_ASSIGN_OR_RETURN(page.size, rpc::resource::PageSize(request.page_size()));
  return page;
}

// Checks the caller before anything is read, then reads the rest of a list's request.
template <class Request>
absl::StatusOr<Asked> Read(authz::Authorizer& authz, const Caller& caller, Permission permission,
                           const Request& request, const FilterSchema& schema) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*", request.parent()));
  CLEANMAIL_RETURN_IF_ERROR(authz.Check(
      caller, permission, {.tenant = parts[0], .resource = request.parent(), .filtered = true}));
  Asked asked;
  asked.scope = {.tenant = parts[0] == authz::kWholeInstallation ? "" : parts[0],
                 .visible = authz.VisibleTo(caller)};
  absl::StatusOr<Filter> filter = rpc::resource::ParseFilter(request.filter(), schema);
  if (!filter.ok()) return rpc::WithField(filter.status(), "filter");
  asked.filter = *std::move(filter);
  CLEANMAIL_ASSIGN_OR_RETURN(asked.page, ReadPage(request));
  return asked;
}

}  // namespace

grpc::Status Api::SearchMessages(grpc::ServerContext* rpc, const v1::SearchMessagesRequest* request,
                                 v1::SearchMessagesResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Asked asked, Read(authz_, caller, Permission::kReadTraces,
                                                       *request, MessageSchema()));
    CLEANMAIL_ASSIGN_OR_RETURN(Page<v1::Message> found,
                               search_.Messages(asked.scope, asked.filter, asked.page));
    for (v1::Message& message : found.items) *reply->add_messages() = std::move(message);
    reply->set_next_page_token(rpc::resource::ToPageToken(found.next));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetMessage(grpc::ServerContext* rpc, const v1::GetMessageRequest* request,
                             v1::Message* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*/messages/*", request->name()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadTraces,
                     {.tenant = parts[0], .resource = request->name(), .filtered = true}));
    const Scope scope = {.tenant = parts[0] == authz::kWholeInstallation ? "" : parts[0],
                         .visible = authz_.VisibleTo(caller)};
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, search_.Message(scope, parts[1]));
    return absl::OkStatus();
  });
}

grpc::Status Api::SearchRefusals(grpc::ServerContext* rpc, const v1::SearchRefusalsRequest* request,
                                 v1::SearchRefusalsResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Asked asked, Read(authz_, caller, Permission::kReadTraces,
                                                       *request, RefusalSchema()));
    CLEANMAIL_ASSIGN_OR_RETURN(Page<v1::Refusal> found,
                               search_.Refusals(asked.scope, asked.filter, asked.page));
    for (v1::Refusal& refusal : found.items) *reply->add_refusals() = std::move(refusal);
    reply->set_next_page_token(rpc::resource::ToPageToken(found.next));
    return absl::OkStatus();
  });
}

grpc::Status Api::ListAuditEntries(grpc::ServerContext* rpc,
                                   const v1::ListAuditEntriesRequest* request,
                                   v1::ListAuditEntriesResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const Asked asked, Read(authz_, caller, Permission::kReadAudit, *request, AuditSchema()));
    CLEANMAIL_ASSIGN_OR_RETURN(Page<v1::AuditEntry> found,
                               search_.Audit(asked.scope, asked.filter, asked.page));
    for (v1::AuditEntry& entry : found.items) *reply->add_audit_entries() = std::move(entry);
    reply->set_next_page_token(rpc::resource::ToPageToken(found.next));
    return absl::OkStatus();
  });
}

grpc::Status Api::ListCounts(grpc::ServerContext* rpc, const v1::ListCountsRequest* request,
                             v1::ListCountsResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*", request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadCounts,
                     {.tenant = parts[0], .resource = request->parent(), .filtered = true}));
    const int64_t now = base::NowMicros(clock_);
    const int64_t to = request->has_end_time() ? MicrosOf(request->end_time()) : now;
    const int64_t from =
        request->has_start_time() ? MicrosOf(request->start_time()) : to - 7 * 24 * kHour;
    const Scope scope = {.tenant = parts[0] == authz::kWholeInstallation ? "" : parts[0],
                         .visible = authz_.VisibleTo(caller)};
    const int64_t step = request->step() == v1::ListCountsRequest::STEP_HOUR ? kHour : 24 * kHour;
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::Count> counts,
                               search_.Counts(scope, from / kHour * kHour, to, step, kMostCounts));
    for (v1::Count& count : counts) *reply->add_counts() = std::move(count);
    return absl::OkStatus();
  });
}

absl::StatusOr<std::string> Api::OneTenant(const Caller& caller, Permission permission,
                                           std::string_view pattern, std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                             rpc::resource::Match(pattern, name));
  CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, permission, parts[0], name));
  if (!directory_.AwaitTenant(parts[0])) return authz::NoSuchResource();
  return parts[0];
}

grpc::Status Api::GetRetentionSettings(grpc::ServerContext* rpc,
                                       const v1::GetRetentionSettingsRequest* request,
                                       v1::RetentionSettings* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant,
                               OneTenant(caller, Permission::kReadRetention,
                                         "tenants/*/retentionSettings", request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, retention_.Get(tenant));
    return absl::OkStatus();
  });
}

grpc::Status Api::UpdateRetentionSettings(grpc::ServerContext* rpc,
                                          const v1::UpdateRetentionSettingsRequest* request,
                                          v1::RetentionSettings* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->settings().name();
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::string tenant,
        OneTenant(caller, Permission::kWriteRetention, "tenants/*/retentionSettings", name));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::RetentionSettings before, retention_.Get(tenant));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, retention_.Set(tenant, request->settings()));
    authz_.Changed(caller, Permission::kWriteRetention, {.tenant = tenant, .resource = name},
                   &before, reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::StartErasure(grpc::ServerContext* rpc, const v1::StartErasureRequest* request,
                               v1::Erasure* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::string tenant,
        OneTenant(caller, Permission::kErasePersons, "tenants/*", request->parent()));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, retention_.StartErasure(tenant, request->address()));
    authz_.Changed(caller, Permission::kErasePersons, {.tenant = tenant, .resource = reply->name()},
                   nullptr, reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::GetErasure(grpc::ServerContext* rpc, const v1::GetErasureRequest* request,
                             v1::Erasure* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const std::string tenant,
        OneTenant(caller, Permission::kReadPersons, "tenants/*/erasures/*", request->name()));
    const std::string id = request->name().substr(request->name().rfind('/') + 1);
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, retention_.GetErasure(tenant, id));
    return absl::OkStatus();
  });
}

grpc::Status Api::ListErasures(grpc::ServerContext* rpc, const v1::ListErasuresRequest* request,
                               v1::ListErasuresResponse* reply) {
  return rpc::Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant, OneTenant(caller, Permission::kReadPersons,
                                                                   "tenants/*", request->parent()));
    CLEANMAIL_ASSIGN_OR_RETURN(const PageOf page, ReadPage(*request));
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::Erasure> all,
                               retention_.ListErasures(tenant, page.after, page.size));
    if (static_cast<int32_t>(all.size()) == page.size) {
      const std::string& last = all.back().name();
      reply->set_next_page_token(rpc::resource::ToPageToken(last.substr(last.rfind('/') + 1)));
    }
    for (v1::Erasure& erasure : all) *reply->add_erasures() = std::move(erasure);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::reporting
