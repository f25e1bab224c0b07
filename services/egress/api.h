#pragma once

#include <utility>
#include <vector>

#include "libs/authz/authorizer.h"
#include "libs/base/clock.h"
#include "proto/cleanmail/egress/v1/egress.grpc.pb.h"
#include "services/egress/delivery/lore.h"
#include "services/egress/queue/queue.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

// The gRPC door. Promises and errors of each method: egress.proto.
class Api final : public v1::EgressService::Service {
 public:
  Api(Store& store, Queue& queue, const Lore& lore, const base::Clock& clock,
      authz::Authorizer& authz, std::vector<v1::SourceRange> source_ranges)
      : store_(store),
        queue_(queue),
        lore_(lore),
        clock_(clock),
        authz_(authz),
        source_ranges_(std::move(source_ranges)) {}

  grpc::Status ListDeliveries(grpc::ServerContext*, const v1::ListDeliveriesRequest*,
                              v1::ListDeliveriesResponse*) override;
  grpc::Status RetryDeliveries(grpc::ServerContext*, const v1::RetryDeliveriesRequest*,
                               v1::RetryDeliveriesResponse*) override;
  grpc::Status ListSourceRanges(grpc::ServerContext*, const v1::ListSourceRangesRequest*,
                                v1::ListSourceRangesResponse*) override;
  grpc::Status ExportSourceRanges(grpc::ServerContext*, const v1::ExportSourceRangesRequest*,
                                  api::v1::Download*) override;
  grpc::Status DescribeDestinations(grpc::ServerContext*, const v1::DescribeDestinationsRequest*,
                                    v1::DescribeDestinationsResponse*) override;

 private:
  Store& store_;
  Queue& queue_;
  const Lore& lore_;
  const base::Clock& clock_;
  authz::Authorizer& authz_;
  const std::vector<v1::SourceRange> source_ranges_;
};

}  // namespace cleanmail::egress
