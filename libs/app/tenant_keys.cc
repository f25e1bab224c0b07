#include "libs/app/tenant_keys.h"

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"

namespace cleanmail::app {
namespace {

constexpr absl::Duration kKeptFor = absl::Minutes(5);
constexpr size_t kMostKnown = 100'000;

}  // namespace

RpcTenantKeys::RpcTenantKeys(rpc::Peers& peers, const base::Clock& clock, absl::Duration deadline)
    : peers_(peers), clock_(clock), deadline_(deadline) {}

absl::StatusOr<std::string> RpcTenantKeys::Ask(const std::string& tenant) {
  using provisioning::v1::ProvisioningService;
  provisioning::v1::GetTenantKeyRequest request;
  request.set_tenant(tenant);
  CLEANMAIL_ASSIGN_OR_RETURN(auto answer, peers_.To<ProvisioningService>().Call(&ProvisioningService::Stub::GetTenantKey, request,
                                                                                {.deadline = absl::Now() + deadline_}));
  if (answer.key().size() != 32) return absl::InternalError("provisioning gave a key that is not 32 bytes");
  return std::move(*answer.mutable_key());
}

absl::StatusOr<std::string> RpcTenantKeys::KeyOf(std::string_view tenant) {
  const std::string name(tenant);
  {
    absl::MutexLock lock(&mutex_);
    const auto it = known_.find(name);
    if (it != known_.end() && it->second.until > clock_.Now()) return it->second.key;
  }
  absl::StatusOr<std::string> key = Ask(name);
  absl::MutexLock lock(&mutex_);
  if (key.ok()) {
    if (known_.size() >= kMostKnown) known_.clear();
    known_[name] = {.key = *key, .until = clock_.Now() + kKeptFor};
    return key;
  }
  if (absl::IsNotFound(key.status())) {
    known_.erase(name);
    return key;
  }
  if (const auto it = known_.find(name); it != known_.end()) return it->second.key;
  return absl::UnavailableError(base::Cat("the key of tenant ", name, " is not to be had: ", key.status().message()));
}

}  // namespace cleanmail::app
