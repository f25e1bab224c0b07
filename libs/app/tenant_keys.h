#pragma once

#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/rpc/peers.h"
#include "libs/store/blob/blob_store.h"

namespace cleanmail::app {

// The tenants' keys, asked of provisioning and remembered a while. While provisioning is away a known key goes on being used; a key
// that was destroyed is forgotten at the next question. Thread-safe.
class RpcTenantKeys final : public blob::TenantKeys {
 public:
  RpcTenantKeys(rpc::Peers& peers, const base::Clock& clock, absl::Duration deadline);
  absl::StatusOr<std::string> KeyOf(std::string_view tenant) override;

 private:
  absl::StatusOr<std::string> Ask(const std::string& tenant);
  struct Known {
    std::string key;
    absl::Time until;
  };
  rpc::Peers& peers_;
  const base::Clock& clock_;
  const absl::Duration deadline_;
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::app
