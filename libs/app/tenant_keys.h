#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "libs/base/clock.h"
#include "libs/rpc/peers.h"
#include "libs/store/blob/blob_store.h"

namespace cleanmail::app {

// The tenants' keys, asked of provisioning and remembered. Only the first question for a tenant
// waits, at most `deadline`; a known key is given at once and, when it is five minutes old, asked
// for again meanwhile: while provisioning is away it goes on being used, and one that was destroyed
// is forgotten as soon as provisioning says so. Thread-safe.
class RpcTenantKeys final : public blob::TenantKeys {
 public:
  RpcTenantKeys(rpc::Peers& peers, const base::Clock& clock, absl::Duration deadline);
  ~RpcTenantKeys() override;
  absl::StatusOr<std::string> KeyOf(std::string_view tenant) override;
  bool AtHand(std::string_view tenant) override;

 private:
  struct State;
  std::shared_ptr<State> state_;  // shared with answers that are still on their way
};

}  // namespace cleanmail::app
