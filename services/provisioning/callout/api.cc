#include "services/provisioning/callout/api.h"

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "services/provisioning/listing.h"
#include "services/provisioning/rules.h"

namespace cleanmail::provisioning::callout {
namespace {

using authz::Permission;
using authz::Target;
using rpc::Caller;

constexpr absl::Duration kMargin = absl::Milliseconds(200);  // for the answer's way back

void SetTime(int64_t us, google::protobuf::Timestamp* time) {
  constexpr int64_t kSecond = 1'000'000;
  time->set_seconds(us / kSecond);
  time->set_nanos(static_cast<int32_t>(us % kSecond) * 1000);
}

// What a list asks for, once its caller may; domains are those he may see.
template <class Request>
absl::StatusOr<Selection> ToSelection(const Caller& caller, authz::Authorizer& authz,
                                      const Request& request) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Listing listing, ToListing(request));
  if (listing.tenant == authz::kWholeInstallation) return Wrong("parent", "one tenant is needed");
  CLEANMAIL_RETURN_IF_ERROR(
      authz.Check(caller, Permission::kReadCallouts,
                  Target{.tenant = listing.tenant, .resource = listing.parent, .filtered = true}));
  Selection selection{.tenant = listing.tenant, .after = listing.after, .limit = listing.limit};
  if (caller.role == rpc::Role::kDomain) selection.domains = caller.domains;
  return selection;
}

absl::StatusOr<std::string> EntryAddress(std::string_view name, std::string& tenant) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string normal,
                             NormalName("tenants/*/calloutEntries/*", name));
  tenant = TenantOf(normal);
  return std::string(IdOf(normal));
}

}  // namespace

grpc::Status Api::CheckRecipient(grpc::ServerContext* context,
                                 const v1::CheckRecipientRequest* request,
                                 v1::CheckRecipientResponse* reply) {
  const absl::Time deadline = absl::FromChrono(context->deadline()) - kMargin;
  return rpc::Answer(context, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kAskCallouts, request->tenant()));
    CLEANMAIL_ASSIGN_OR_RETURN(const Answered answered,
                               callouts_.Check(request->tenant(), request->address(), deadline));
    reply->set_outcome(static_cast<v1::CheckRecipientResponse::Outcome>(answered.verdict.answer));
    reply->set_reply(answered.verdict.words);
    reply->set_remembered(answered.remembered);
    return absl::OkStatus();
  });
}

grpc::Status Api::ListCalloutEntries(grpc::ServerContext* context,
                                     const v1::ListCalloutEntriesRequest* request,
                                     v1::ListCalloutEntriesResponse* reply) {
  return rpc::Answer(context, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(Selection selection, ToSelection(caller, authz_, *request));
    if (!v1::CalloutEntry::Outcome_IsValid(request->outcome()))
      return Wrong("outcome", "not an outcome there is");
    selection.outcome = request->outcome();
    selection.expires_after_us = base::NowMicros(clock_);
    if (!request->domain().empty()) {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::string domain,
                                 NormalDomain("domain", request->domain()));
      CLEANMAIL_RETURN_IF_ERROR(authz_.Check(
          caller, Permission::kReadCallouts,
          Target{.tenant = selection.tenant, .domain = domain, .resource = request->parent()}));
      selection.domains = {domain};
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Entry> entries, store_.List(selection));
    for (const Entry& entry : entries) {
      v1::CalloutEntry& told = *reply->add_callout_entries();
      told.set_name(base::Cat("tenants/", entry.tenant, "/calloutEntries/", entry.address));
      told.set_outcome(static_cast<v1::CalloutEntry::Outcome>(entry.answer));
      told.set_reply(entry.reply);
      told.set_server(entry.server);
      SetTime(entry.asked_us, told.mutable_ask_time());
      SetTime(entry.expires_us, told.mutable_expire_time());
    }
    if (static_cast<int64_t>(entries.size()) == selection.limit)
      reply->set_next_page_token(rpc::resource::ToPageToken(entries.back().address));
    return absl::OkStatus();
  });
}

grpc::Status Api::DeleteCalloutEntry(grpc::ServerContext* context,
                                     const v1::DeleteCalloutEntryRequest* request,
                                     v1::DeleteCalloutEntryResponse*) {
  return rpc::Answer(context, [&](const Caller& caller) -> absl::Status {
    std::string tenant;
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string address, EntryAddress(request->name(), tenant));
    const Target target{.tenant = tenant, .domain = DomainOf(address), .resource = request->name()};
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteCallouts, target));
    CLEANMAIL_ASSIGN_OR_RETURN(const bool there, store_.Delete(tenant, address));
    if (!there) return authz::NoSuchResource();
    authz_.Changed(caller, Permission::kWriteCallouts, target, nullptr, nullptr);
    return absl::OkStatus();
  });
}

grpc::Status Api::ClearCalloutEntries(grpc::ServerContext* context,
                                      const v1::ClearCalloutEntriesRequest* request,
                                      v1::ClearCalloutEntriesResponse* reply) {
  return rpc::Answer(context, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*", request->parent()));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string domain, NormalDomain("domain", request->domain()));
    const Target target{.tenant = parts[0], .domain = domain, .resource = request->parent()};
    CLEANMAIL_RETURN_IF_ERROR(authz_.Check(caller, Permission::kWriteCallouts, target));
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t cleared, callouts_.Clear(parts[0], domain));
    reply->set_cleared(cleared);
    authz_.Changed(caller, Permission::kWriteCallouts, target, nullptr, reply);
    return absl::OkStatus();
  });
}

grpc::Status Api::ListCalloutStatuses(grpc::ServerContext* context,
                                      const v1::ListCalloutStatusesRequest* request,
                                      v1::ListCalloutStatusesResponse* reply) {
  return rpc::Answer(context, [&](const Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Selection selection, ToSelection(caller, authz_, *request));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Status> statuses, store_.ListStatuses(selection));
    const int64_t now = base::NowMicros(clock_);
    for (const Status& status : statuses) {
      v1::CalloutStatus& told = *reply->add_callout_statuses();
      told.set_name(base::Cat("tenants/", status.tenant, "/calloutStatuses/", status.domain));
      if (status.accepts_all_until_us > now)
        SetTime(status.accepts_all_until_us, told.mutable_accepts_all_until());
      if (status.alert_since_us > 0) SetTime(status.alert_since_us, told.mutable_alert_since());
      told.set_alert(status.alert);
    }
    if (static_cast<int64_t>(statuses.size()) == selection.limit)
      reply->set_next_page_token(rpc::resource::ToPageToken(statuses.back().domain));
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::provisioning::callout
