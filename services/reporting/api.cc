#include "services/reporting/api.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/resource/name.h"

namespace cleanmail::reporting {

grpc::Status Api::GetTrace(grpc::ServerContext* rpc, const v1::GetTraceRequest* request,
                           v1::Trace* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> parts,
                               rpc::resource::Match("tenants/*/messages/*", request->name()));
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, authz::Permission::kReadTraces, parts[0], request->name()));
    CLEANMAIL_ASSIGN_OR_RETURN(
        const StoredTrace trace,
        store_.Find(parts[0] == authz::kWholeInstallation ? "" : parts[0], parts[1]));
    reply->set_name(
        base::Cat("tenants/", trace.message.tenant, "/messages/", trace.message.message));
    reply->set_sender(trace.message.sender);
    reply->set_subject(trace.message.subject);
    for (const std::string& recipient : trace.message.recipients) reply->add_recipients(recipient);
    for (const Entry& entry : trace.entries) {
      v1::TraceEntry* said = reply->add_entries();
      said->set_at_us(entry.at_us);
      said->set_what(entry.what);
      said->set_recipient(entry.recipient);
      said->set_detail(entry.detail);
    }
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::reporting
