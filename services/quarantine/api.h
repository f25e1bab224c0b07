#pragma once

#include "libs/authz/authorizer.h"
#include "libs/base/clock.h"
#include "libs/directory/directory.h"
#include "libs/rpc/peers.h"
#include "proto/cleanmail/quarantine/v1/quarantine.grpc.pb.h"
#include "services/quarantine/bulk/batches.h"
#include "services/quarantine/holds.h"
#include "services/quarantine/settings/store.h"

namespace cleanmail::quarantine {

// What the door needs.
struct ApiParts {
  Holds& holds;
  Batches& batches;
  BatchStore& batch_store;
  Settings& settings;
  const directory::Directory& directory;
  rpc::Peers& peers;
  authz::Authorizer& authz;
  base::Clock& clock;
};

// The gRPC door. Promises and errors of each method: quarantine.proto.
class Api final : public v1::QuarantineService::Service {
 public:
  explicit Api(const ApiParts& parts) : parts_(parts) {}

  grpc::Status ListHolds(grpc::ServerContext*, const v1::ListHoldsRequest*,
                         v1::ListHoldsResponse*) override;
  grpc::Status GetHold(grpc::ServerContext*, const v1::GetHoldRequest*, v1::Hold*) override;
  grpc::Status UpdateHold(grpc::ServerContext*, const v1::UpdateHoldRequest*, v1::Hold*) override;
  grpc::Status ReleaseHold(grpc::ServerContext*, const v1::ReleaseHoldRequest*, v1::Hold*) override;
  grpc::Status DeleteHold(grpc::ServerContext*, const v1::DeleteHoldRequest*, v1::Hold*) override;
  grpc::Status BulkReleaseHolds(grpc::ServerContext*, const v1::BulkReleaseHoldsRequest*,
                                v1::HoldBatch*) override;
  grpc::Status BulkDeleteHolds(grpc::ServerContext*, const v1::BulkDeleteHoldsRequest*,
                               v1::HoldBatch*) override;
  grpc::Status EraseHolds(grpc::ServerContext*, const v1::EraseHoldsRequest*,
                          v1::HoldBatch*) override;
  grpc::Status GetHoldBatch(grpc::ServerContext*, const v1::GetHoldBatchRequest*,
                            v1::HoldBatch*) override;
  grpc::Status ListHoldBatches(grpc::ServerContext*, const v1::ListHoldBatchesRequest*,
                               v1::ListHoldBatchesResponse*) override;
  grpc::Status GetQuarantineSettings(grpc::ServerContext*, const v1::GetQuarantineSettingsRequest*,
                                     v1::QuarantineSettings*) override;
  grpc::Status UpdateQuarantineSettings(grpc::ServerContext*,
                                        const v1::UpdateQuarantineSettingsRequest*,
                                        v1::QuarantineSettings*) override;

 private:
  // Checks a call on one hold, and says what of it the caller sees.
  absl::StatusOr<HoldName> CheckHold(const rpc::Caller& caller, authz::Permission permission,
                                     const std::string& name);
  // The one tenant of a name; NotFound when there is no such tenant.
  absl::StatusOr<std::string> OneTenant(const rpc::Caller& caller, authz::Permission permission,
                                        std::string_view pattern, const std::string& name,
                                        bool filtered);
  // Makes the allow entries that go with a release, on the caller's behalf.
  absl::Status Allow(const rpc::Caller& caller, const HoldRow& hold,
                     const v1::ReleaseHoldRequest& request);
  absl::Status StartBatch(const rpc::Caller& caller, authz::Permission permission,
                          const Batches::Wish& wish, bool validate_only, v1::HoldBatch* reply);

  const ApiParts parts_;
};

// As the API shows a hold to a caller.
v1::Hold ToProto(const HoldRow& row, bool is_user);

}  // namespace cleanmail::quarantine
