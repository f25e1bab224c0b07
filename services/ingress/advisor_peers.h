#pragma once

#include <memory>

#include "libs/rpc/peers.h"
#include "services/ingress/session/advisors.h"

namespace cleanmail::ingress {

// Asks the policy service by gRPC.
std::unique_ptr<MailPolicy> MakePolicyPeer(rpc::Peers& peers);

// Asks the scanner by gRPC.
std::unique_ptr<MessageScan> MakeMessageScanPeer(rpc::Peers& peers);

// Asks provisioning's call-out by gRPC.
std::unique_ptr<RecipientCheck> MakeRecipientCheckPeer(rpc::Peers& peers);

// Asks egress by gRPC.
std::unique_ptr<DestinationLore> MakeDestinationLorePeer(rpc::Peers& peers);

}  // namespace cleanmail::ingress
