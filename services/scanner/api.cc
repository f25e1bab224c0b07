#include "services/scanner/api.h"

#include "libs/base/status_macros.h"
#include "libs/rpc/answer.h"

namespace cleanmail::scanner {

grpc::Status Api::ScanMessage(grpc::ServerContext* rpc, const v1::ScanMessageRequest* request,
                              v1::ScanMessageResponse* reply) {
  return rpc::Answer(rpc, [&](const rpc::Caller& caller) -> absl::Status {
    CLEANMAIL_RETURN_IF_ERROR(
        authz_.Check(caller, authz::Permission::kScanMessages, authz::kWholeInstallation));
    if (request->content().empty()) return absl::InvalidArgumentError("content: needed");
    CLEANMAIL_ASSIGN_OR_RETURN(ScanResult result,
                               scan_.Look(request->message(), request->content()));
    *reply->mutable_scan() = ToProto(std::move(result));
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::scanner
