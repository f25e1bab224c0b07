#pragma once

#include <memory>

#include "libs/rpc/peers.h"
#include "services/ingress/session/envelope_policy.h"

namespace cleanmail::ingress {

// Asks the policy service by gRPC.
std::unique_ptr<EnvelopePolicy> MakePolicyPeer(rpc::Peers& peers);

}  // namespace cleanmail::ingress
