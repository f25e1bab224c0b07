#pragma once

#include "libs/authz/authorizer.h"
#include "libs/base/clock.h"
#include "proto/cleanmail/egress/v1/egress.grpc.pb.h"
#include "services/egress/queue/queue.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

// The gRPC door. Promises and errors of each method: egress.proto.
class Api final : public v1::EgressService::Service {
 public:
  Api(Store& store, Queue& queue, const base::Clock& clock, authz::Authorizer& authz)
      : store_(store), queue_(queue), clock_(clock), authz_(authz) {}

  grpc::Status ListDeliveries(grpc::ServerContext*, const v1::ListDeliveriesRequest*,
                              v1::ListDeliveriesResponse*) override;
  grpc::Status RetryDeliveries(grpc::ServerContext*, const v1::RetryDeliveriesRequest*,
                               v1::RetryDeliveriesResponse*) override;

 private:
  Store& store_;
  Queue& queue_;
  const base::Clock& clock_;
  authz::Authorizer& authz_;
};

}  // namespace cleanmail::egress
