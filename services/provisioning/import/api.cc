#include "services/provisioning/import/api.h"

#include <charconv>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"
#include "services/provisioning/rules.h"

namespace cleanmail::provisioning::import {
namespace {

using authz::Permission;
using authz::Target;
using rpc::Answer;
using rpc::Caller;

struct Name {
  std::string tenant;
  std::string id;
};

absl::StatusOr<Name> ParseName(std::string_view name) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*/imports/*", name));
  return Name{.tenant = std::move(parts[0]), .id = std::move(parts[1])};
}

absl::StatusOr<std::string> ParseParent(std::string_view parent) {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<std::string> parts,
                             rpc::resource::Match("tenants/*", parent));
  if (parts[0] == authz::kWholeInstallation) return Wrong("parent", "one tenant is needed");
  return std::move(parts[0]);
}

void SetTime(int64_t us, google::protobuf::Timestamp* time) {
  constexpr int64_t kSecond = 1'000'000;
  time->set_seconds(us / kSecond);
  time->set_nanos(static_cast<int32_t>(us % kSecond) * 1000);
}

v1::Import ToProto(const Job& job) {
  v1::Import import;
  import.set_name(base::Cat("tenants/", job.tenant, "/imports/", job.id));
  import.set_kind(job.kind == Kind::kUsers ? v1::IMPORT_KIND_USERS
                                           : v1::IMPORT_KIND_OBSERVED_ADDRESSES);
  import.set_dry_run(job.dry_run);
  auto& progress = *import.mutable_progress();
  progress.set_state(static_cast<api::v1::Progress::State>(job.state));
  progress.set_done(job.done);
  progress.set_total(job.total);
  progress.set_error(job.error);
  import.set_created(job.created);
  import.set_updated(job.updated);
  import.set_unchanged(job.unchanged);
  import.set_failed(job.failed);
  import.set_reading(job.reading);
  SetTime(job.created_us, import.mutable_create_time());
  if (job.ended_us > 0) SetTime(job.ended_us, import.mutable_end_time());
  return import;
}

}  // namespace

grpc::Status Api::CreateImport(grpc::ServerContext* rpc, const v1::CreateImportRequest* request,
                               v1::Import* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant, ParseParent(request->parent()));
    const Target target{.tenant = tenant, .resource = request->parent()};
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteUsers, target));
    const v1::Import& wanted = request->import();
    if (wanted.kind() != v1::IMPORT_KIND_USERS &&
        wanted.kind() != v1::IMPORT_KIND_OBSERVED_ADDRESSES) {
      return Wrong("import.kind", "say what the lines are");
    }
    CLEANMAIL_ASSIGN_OR_RETURN(
        const Job job,
        imports_.Create(tenant,
                        wanted.kind() == v1::IMPORT_KIND_USERS ? Kind::kUsers : Kind::kObserved,
                        wanted.content(), wanted.dry_run()));
    *reply = ToProto(job);
    authz_.Changed(caller, Permission::kWriteUsers,
                   Target{.tenant = tenant, .resource = reply->name()}, nullptr, reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::GetImport(grpc::ServerContext* rpc, const v1::GetImportRequest* request,
                            v1::Import* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Name name, ParseName(request->name()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadUsers,
                     Target{.tenant = name.tenant, .resource = request->name()}));
    CLEANMAIL_ASSIGN_OR_RETURN(const Job job, store_.Get(name.tenant, name.id));
    *reply = ToProto(job);
    return absl::OkStatus();
  });
}

grpc::Status Api::ListImports(grpc::ServerContext* rpc, const v1::ListImportsRequest* request,
                              v1::ListImportsResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant, ParseParent(request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(
        caller, Permission::kReadUsers, Target{.tenant = tenant, .resource = request->parent()}));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string after,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t limit, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Job> jobs, store_.List(tenant, after, limit));
    for (const Job& job : jobs) *reply->add_imports() = ToProto(job);
    if (static_cast<int32_t>(jobs.size()) == limit)
      reply->set_next_page_token(rpc::resource::ToPageToken(jobs.back().id));
    return absl::OkStatus();
  });
}

grpc::Status Api::ListImportLines(grpc::ServerContext* rpc,
                                  const v1::ListImportLinesRequest* request,
                                  v1::ListImportLinesResponse* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Name name, ParseName(request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, Permission::kReadUsers,
                     Target{.tenant = name.tenant, .resource = request->parent()}));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string key,
                               rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t limit, rpc::resource::PageSize(request->page_size()));
    int64_t after = 0;
    if (!key.empty() &&
        std::from_chars(key.data(), key.data() + key.size(), after).ec != std::errc())
      return Wrong("page_token", "not a token this service gave out");
    if (!v1::ImportLine::Outcome_IsValid(request->outcome()))
      return Wrong("outcome", "not an outcome there is");
    CLEANMAIL_RETURN_IF_ERROR(store_.Get(name.tenant, name.id).status());
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<LineResult> lines,
                               store_.Lines(name.id, request->outcome(), after, limit));
    for (const LineResult& line : lines) {
      v1::ImportLine& told = *reply->add_lines();
      told.set_line(line.line);
      told.set_outcome(static_cast<v1::ImportLine::Outcome>(line.outcome));
      told.set_address(line.address);
      told.set_message(line.message);
    }
    if (static_cast<int32_t>(lines.size()) == limit)
      reply->set_next_page_token(rpc::resource::ToPageToken(std::to_string(lines.back().line)));
    return absl::OkStatus();
  });
}

grpc::Status Api::CancelImport(grpc::ServerContext* rpc, const v1::CancelImportRequest* request,
                               v1::Import* reply) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Name name, ParseName(request->name()));
    const Target target{.tenant = name.tenant, .resource = request->name()};
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteUsers, target));
    CLEANMAIL_ASSIGN_OR_RETURN(const Job before, store_.Get(name.tenant, name.id));
    CLEANMAIL_ASSIGN_OR_RETURN(const Job job, imports_.Cancel(name.tenant, name.id));
    *reply = ToProto(job);
    const v1::Import was = ToProto(before);
    authz_.Changed(caller, Permission::kWriteUsers, target, &was, reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::DeleteImport(grpc::ServerContext* rpc, const v1::DeleteImportRequest* request,
                               v1::DeleteImportResponse*) {
  return Answer(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Name name, ParseName(request->name()));
    const Target target{.tenant = name.tenant, .resource = request->name()};
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteUsers, target));
    CLEANMAIL_ASSIGN_OR_RETURN(const Job before, store_.Get(name.tenant, name.id));
    CLEANMAIL_RETURN_IF_ERROR(store_.Delete(name.tenant, name.id));
    const v1::Import was = ToProto(before);
    authz_.Changed(caller, Permission::kWriteUsers, target, &was, nullptr);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::provisioning::import
