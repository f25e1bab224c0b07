#pragma once

#include "libs/authz/authorizer.h"
#include "libs/base/clock.h"
#include "libs/directory/directory.h"
#include "proto/cleanmail/reporting/v1/reporting.grpc.pb.h"
#include "services/reporting/retention/store.h"
#include "services/reporting/search/store.h"

namespace cleanmail::reporting {

// The gRPC door. Promises and errors of each method: reporting.proto.
class Api final : public v1::ReportingService::Service {
 public:
  Api(Search& search, Retention& retention, const directory::Directory& directory,
      authz::Authorizer& authz, base::Clock& clock)
      : search_(search),
        retention_(retention),
        directory_(directory),
        authz_(authz),
        clock_(clock) {}

  grpc::Status SearchMessages(grpc::ServerContext*, const v1::SearchMessagesRequest*,
                              v1::SearchMessagesResponse*) override;
  grpc::Status GetMessage(grpc::ServerContext*, const v1::GetMessageRequest*,
                          v1::Message*) override;
  grpc::Status SearchRefusals(grpc::ServerContext*, const v1::SearchRefusalsRequest*,
                              v1::SearchRefusalsResponse*) override;
  grpc::Status ListAuditEntries(grpc::ServerContext*, const v1::ListAuditEntriesRequest*,
                                v1::ListAuditEntriesResponse*) override;
  grpc::Status ListCounts(grpc::ServerContext*, const v1::ListCountsRequest*,
                          v1::ListCountsResponse*) override;
  grpc::Status GetRetentionSettings(grpc::ServerContext*, const v1::GetRetentionSettingsRequest*,
                                    v1::RetentionSettings*) override;
  grpc::Status UpdateRetentionSettings(grpc::ServerContext*,
                                       const v1::UpdateRetentionSettingsRequest*,
                                       v1::RetentionSettings*) override;
  grpc::Status ExportPerson(grpc::ServerContext*, const v1::ExportPersonRequest*,
                            api::v1::Download*) override;
  grpc::Status StartErasure(grpc::ServerContext*, const v1::StartErasureRequest*,
                            v1::Erasure*) override;
  grpc::Status GetErasure(grpc::ServerContext*, const v1::GetErasureRequest*,
                          v1::Erasure*) override;
  grpc::Status ListErasures(grpc::ServerContext*, const v1::ListErasuresRequest*,
                            v1::ListErasuresResponse*) override;

 private:
  // The one tenant of a name, checked for `permission`; NotFound when there is no such tenant.
  absl::StatusOr<std::string> OneTenant(const rpc::Caller& caller, authz::Permission permission,
                                        std::string_view pattern, std::string_view name);

  Search& search_;
  Retention& retention_;
  const directory::Directory& directory_;
  authz::Authorizer& authz_;
  base::Clock& clock_;
};

}  // namespace cleanmail::reporting
