#include "libs/base/status_macros.h"
#include "libs/rpc/resource/name.h"
#include "libs/rpc/resource/page.h"
#include "services/policy/api.h"
#include "services/policy/api_answer.h"
#include "services/policy/sender_lists.h"

namespace cleanmail::policy {
namespace {

using authz::Permission;
using rpc::Caller;
using rpc::resource::Match;

constexpr std::string_view kEntryName = "tenants/*/listEntries/*";

// Whose a scope is: the tenant's, a domain's or a user's.
authz::Target TargetOf(std::string_view tenant, std::string_view scope, std::string_view resource) {
  authz::Target target = {.tenant = tenant, .resource = resource};
  if (scope.find('@') != std::string_view::npos) {
    target.user = scope;
  } else {
    target.domain = scope;
  }
  return target;
}

bool Sees(const authz::Visible& visible, std::string_view tenant, std::string_view scope) {
  if (scope.empty()) return visible.SeesWholeTenant(tenant);
  return scope.find('@') != std::string_view::npos ? visible.SeesUser(tenant, scope)
                                                   : visible.SeesDomain(tenant, scope);
}

// A page of what the caller sees, and where the next one begins.
struct EntryPage {
  std::vector<v1::ListEntry> entries;
  std::string next;
};

absl::StatusOr<EntryPage> ReadPage(Lists& lists, EntryFilter filter, int32_t size,
                                   const authz::Visible& visible) {
  EntryPage page;
  // A user's own entries are asked for by scope: he does not page through everybody's.
  if (!visible.user.empty()) filter.scope = visible.user;
  while (true) {
    filter.limit = rpc::resource::kLargestPageSize;
    CLEANMAIL_ASSIGN_OR_RETURN(std::vector<v1::ListEntry> found, lists.List(filter));
    for (v1::ListEntry& entry : found) {
      filter.after = entry.name().substr(entry.name().rfind('/') + 1);
      if (!Sees(visible, filter.tenant, entry.scope())) continue;
      page.entries.push_back(std::move(entry));
      if (static_cast<int32_t>(page.entries.size()) == size) {
        page.next = filter.after;
        return page;
      }
    }
    if (static_cast<int32_t>(found.size()) < rpc::resource::kLargestPageSize) return page;
  }
}

}  // namespace

absl::Status Api::CheckEntry(const Caller& caller, Permission permission, std::string_view tenant,
                             const v1::ListEntry& entry) {
  return parts_.authz.Check(caller, permission, TargetOf(tenant, entry.scope(), entry.name()));
}

grpc::Status Api::ListListEntries(grpc::ServerContext* rpc,
                                  const v1::ListListEntriesRequest* request,
                                  v1::ListListEntriesResponse* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*", request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
        caller, Permission::kReadLists,
        {.tenant = parts[0], .resource = request->parent(), .filtered = true}));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    EntryFilter filter = {.tenant = parts[0], .after = {}};
    filter.never_hit = request->never_hit();
    filter.kind = request->kind();
    if (!request->scope().empty()) filter.scope = request->scope();
    CLEANMAIL_ASSIGN_OR_RETURN(filter.after, rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t size, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(
        EntryPage page,
        ReadPage(parts_.lists, std::move(filter), size, parts_.authz.VisibleTo(caller)));
    for (v1::ListEntry& entry : page.entries) *reply->add_list_entries() = std::move(entry);
    reply->set_next_page_token(rpc::resource::ToPageToken(page.next));
    return absl::OkStatus();
  });
}

grpc::Status Api::GetListEntry(grpc::ServerContext* rpc, const v1::GetListEntryRequest* request,
                               v1::ListEntry* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match(kEntryName, request->name()));
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
        caller, Permission::kReadLists,
        {.tenant = parts[0], .resource = request->name(), .filtered = true}));
    CLEANMAIL_ASSIGN_OR_RETURN(v1::ListEntry entry, parts_.lists.Get(parts[0], parts[1]));
    CLEANMAIL_RETURN_IF_ERROR(CheckEntry(caller, Permission::kReadLists, parts[0], entry));
    *reply = std::move(entry);
    return absl::OkStatus();
  });
}

grpc::Status Api::CreateListEntry(grpc::ServerContext* rpc,
                                  const v1::CreateListEntryRequest* request,
                                  v1::ListEntry* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*", request->parent()));
    v1::ListEntry entry = request->list_entry();
    entry.clear_name();
    const absl::Status normal = Normalize(entry);  // the scope decides whose it is
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
        caller, Permission::kWriteLists,
        TargetOf(parts[0], normal.ok() ? entry.scope() : "", request->parent())));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    CLEANMAIL_ASSIGN_OR_RETURN(*reply, parts_.lists.Create(parts[0], std::move(entry), caller.id));
    parts_.authz.Changed(caller, Permission::kWriteLists,
                         TargetOf(parts[0], reply->scope(), reply->name()), nullptr, reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::UpdateListEntry(grpc::ServerContext* rpc,
                                  const v1::UpdateListEntryRequest* request,
                                  v1::ListEntry* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    const std::string& name = request->list_entry().name();
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts, Match(kEntryName, name));
    CLEANMAIL_RETURN_IF_ERROR(
        parts_.authz.Check(caller, Permission::kWriteLists,
                           {.tenant = parts[0], .resource = name, .filtered = true}));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListEntry current, parts_.lists.Get(parts[0], parts[1]));
    CLEANMAIL_RETURN_IF_ERROR(CheckEntry(caller, Permission::kWriteLists, parts[0], current));
    CLEANMAIL_ASSIGN_OR_RETURN(Change<v1::ListEntry> change,
                               parts_.lists.Update(parts[0], parts[1], request->list_entry(),
                                                   request->update_mask()));
    parts_.authz.Changed(caller, Permission::kWriteLists,
                         TargetOf(parts[0], current.scope(), name), &*change.before,
                         &change.after);
    *reply = std::move(change.after);
    return absl::OkStatus();
  });
}

grpc::Status Api::DeleteListEntry(grpc::ServerContext* rpc,
                                  const v1::DeleteListEntryRequest* request,
                                  v1::DeleteListEntryResponse*) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match(kEntryName, request->name()));
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
        caller, Permission::kWriteLists,
        {.tenant = parts[0], .resource = request->name(), .filtered = true}));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListEntry current, parts_.lists.Get(parts[0], parts[1]));
    CLEANMAIL_RETURN_IF_ERROR(CheckEntry(caller, Permission::kWriteLists, parts[0], current));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListEntry before,
                               parts_.lists.Delete(parts[0], parts[1], request->etag()));
    parts_.authz.Changed(caller, Permission::kWriteLists,
                         TargetOf(parts[0], before.scope(), before.name()), &before, nullptr);
    return absl::OkStatus();
  });
}

grpc::Status Api::ImportListEntries(grpc::ServerContext* rpc,
                                    const v1::ImportListEntriesRequest* request,
                                    v1::ImportListEntriesResponse* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*", request->parent()));
    const authz::Target target = {
        .tenant = parts[0], .resource = request->parent(), .filtered = true};
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(caller, Permission::kWriteLists, target));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    const authz::Visible visible = parts_.authz.VisibleTo(caller);
    const auto may_have = [&](std::string_view scope) { return Sees(visible, parts[0], scope); };
    CLEANMAIL_ASSIGN_OR_RETURN(*reply,
                               parts_.lists.Import(parts[0], *request, caller.id, may_have));
    if (request->validate_only()) return absl::OkStatus();
    v1::ImportListEntriesResponse summary = *reply;
    summary.clear_lines();
    parts_.authz.Changed(caller, Permission::kWriteLists, target, nullptr, &summary);
    return absl::OkStatus();
  });
}

grpc::Status Api::ExportListEntries(grpc::ServerContext* rpc,
                                    const v1::ExportListEntriesRequest* request,
                                    v1::ExportListEntriesResponse* reply) {
  return Serve(rpc, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               Match("tenants/*", request->parent()));
    CLEANMAIL_RETURN_IF_ERROR(parts_.authz.Check(
        caller, Permission::kReadLists,
        {.tenant = parts[0], .resource = request->parent(), .filtered = true}));
    CLEANMAIL_RETURN_IF_ERROR(CheckTenant(parts[0]));
    EntryFilter filter = {.tenant = parts[0], .after = {}};
    CLEANMAIL_ASSIGN_OR_RETURN(filter.after, rpc::resource::FromPageToken(request->page_token()));
    CLEANMAIL_ASSIGN_OR_RETURN(const int32_t size, rpc::resource::PageSize(request->page_size()));
    CLEANMAIL_ASSIGN_OR_RETURN(
        const EntryPage page,
        ReadPage(parts_.lists, std::move(filter), size, parts_.authz.VisibleTo(caller)));
    reply->set_content(ToCsv(page.entries));
    reply->set_next_page_token(rpc::resource::ToPageToken(page.next));
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::policy
