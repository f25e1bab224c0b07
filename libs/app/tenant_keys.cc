#include "libs/app/tenant_keys.h"

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"

namespace cleanmail::app {
namespace {

using provisioning::v1::GetTenantKeyRequest;
using provisioning::v1::GetTenantKeyResponse;
using provisioning::v1::ProvisioningService;

constexpr absl::Duration kFresh = absl::Minutes(5);
constexpr size_t kMostKnown = 100'000;

GetTenantKeyRequest RequestFor(const std::string& tenant) {
  GetTenantKeyRequest request;
  request.set_tenant(tenant);
  return request;
}

}  // namespace

struct RpcTenantKeys::State {
  State(rpc::Peers& peers, const base::Clock& c, absl::Duration d)
      : provisioning(peers.To<ProvisioningService>()), clock(c), deadline(d) {}

  struct Known {
    std::string key;
    absl::Time asked;
    bool asking = false;
  };

  // What provisioning answered, kept and given on.
  absl::StatusOr<std::string> Take(const std::string& tenant,
                                   const absl::StatusOr<GetTenantKeyResponse>& answer) {
    absl::MutexLock lock(&mutex);
    if (answer.ok() && answer->key().size() == 32) {
      if (known.size() >= kMostKnown) known.clear();
      known[tenant] = {.key = answer->key(), .asked = clock.Now()};
      return answer->key();
    }
    if (answer.ok()) return absl::InternalError("provisioning gave a key that is not 32 bytes");
    const auto it = known.find(tenant);
    if (absl::IsNotFound(answer.status())) {
      if (it != known.end()) known.erase(it);
      return answer.status();
    }
    if (it != known.end()) {
      it->second.asking = false;
      it->second.asked = clock.Now() - kFresh + absl::Seconds(10);  // again a little later
    }
    return absl::UnavailableError(
        base::Cat("the key of tenant ", tenant, " is not to be had: ", answer.status().message()));
  }

  rpc::Peer<ProvisioningService> provisioning;
  const base::Clock& clock;
  const absl::Duration deadline;
  absl::Mutex mutex;
  absl::flat_hash_map<std::string, Known> known ABSL_GUARDED_BY(mutex);
};

RpcTenantKeys::RpcTenantKeys(rpc::Peers& peers, const base::Clock& clock, absl::Duration deadline)
    : state_(std::make_shared<State>(peers, clock, deadline)) {}
RpcTenantKeys::~RpcTenantKeys() = default;

bool RpcTenantKeys::AtHand(std::string_view tenant) {
  const absl::MutexLock lock(&state_->mutex);
  return state_->known.contains(std::string(tenant));
}

absl::StatusOr<std::string> RpcTenantKeys::KeyOf(std::string_view tenant) {
  const std::string name(tenant);
  std::string key;
  bool ask = false;
  {
    absl::MutexLock lock(&state_->mutex);
    if (const auto it = state_->known.find(name); it != state_->known.end()) {
      key = it->second.key;
      ask = !it->second.asking && state_->clock.Now() - it->second.asked >= kFresh;
      it->second.asking |= ask;
    }
  }
  const absl::Time deadline = absl::Now() + state_->deadline;
  if (key.empty()) {
    return state_->Take(name, state_->provisioning.Call(&ProvisioningService::Stub::GetTenantKey,
                                                        RequestFor(name), {.deadline = deadline}));
  }
  if (ask) {
    state_->provisioning.CallLater(
        &ProvisioningService::StubInterface::async_interface::GetTenantKey, RequestFor(name),
        {.deadline = deadline},
        [state = state_, name](absl::StatusOr<GetTenantKeyResponse> answer) {
          (void)state->Take(name, answer);
        });
  }
  return key;
}

}  // namespace cleanmail::app
