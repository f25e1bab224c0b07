#pragma once

#include "libs/authz/authorizer.h"
#include "proto/cleanmail/provisioning/v1/callouts.grpc.pb.h"
#include "services/provisioning/callout/callouts.h"

namespace cleanmail::provisioning::callout {

// The gRPC door to call-out. Promises and errors of each method: callouts.proto.
class Api final : public v1::CalloutService::Service {
 public:
  // All outlive it.
  Api(Callouts& callouts, Store& store, const base::Clock& clock, authz::Authorizer& authz)
      : callouts_(callouts), store_(store), clock_(clock), authz_(authz) {}

  grpc::Status CheckRecipient(grpc::ServerContext* rpc, const v1::CheckRecipientRequest* request,
                              v1::CheckRecipientResponse* reply) override;
  grpc::Status ListCalloutEntries(grpc::ServerContext* rpc,
                                  const v1::ListCalloutEntriesRequest* request,
                                  v1::ListCalloutEntriesResponse* reply) override;
  grpc::Status DeleteCalloutEntry(grpc::ServerContext* rpc,
                                  const v1::DeleteCalloutEntryRequest* request,
                                  v1::DeleteCalloutEntryResponse* reply) override;
  grpc::Status ClearCalloutEntries(grpc::ServerContext* rpc,
                                   const v1::ClearCalloutEntriesRequest* request,
                                   v1::ClearCalloutEntriesResponse* reply) override;
  grpc::Status ListCalloutStatuses(grpc::ServerContext* rpc,
                                   const v1::ListCalloutStatusesRequest* request,
                                   v1::ListCalloutStatusesResponse* reply) override;

 private:
  Callouts& callouts_;
  Store& store_;
  const base::Clock& clock_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::provisioning::callout
