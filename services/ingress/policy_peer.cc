#include "services/ingress/policy_peer.h"

#include <utility>

#include "proto/cleanmail/policy/v1/policy.grpc.pb.h"

namespace cleanmail::ingress {
namespace {

using policy::v1::EvaluateEnvelopeRequest;
using policy::v1::EvaluateEnvelopeResponse;
using policy::v1::PolicyService;

class PolicyPeer final : public EnvelopePolicy {
 public:
  explicit PolicyPeer(rpc::Peer<PolicyService> peer) : peer_(std::move(peer)) {}

  void Evaluate(
      EvaluateEnvelopeRequest request, absl::Time deadline, std::string trace,
      absl::AnyInvocable<void(absl::StatusOr<EvaluateEnvelopeResponse>) &&> done) override {
    using Async = PolicyService::StubInterface::async_interface;
    void (Async::*method)(grpc::ClientContext*, const EvaluateEnvelopeRequest*,
                          EvaluateEnvelopeResponse*, std::function<void(grpc::Status)>) =
        &Async::EvaluateEnvelope;
    peer_.CallLater(method, std::move(request), {.deadline = deadline, .trace = trace},
                    std::move(done));
  }

 private:
  rpc::Peer<PolicyService> peer_;
};

}  // namespace

std::unique_ptr<EnvelopePolicy> MakePolicyPeer(rpc::Peers& peers) {
  return std::make_unique<PolicyPeer>(peers.To<PolicyService>());
}

}  // namespace cleanmail::ingress
