#include "services/ingress/advisor_peers.h"

#include <utility>

#include "proto/cleanmail/policy/v1/policy.grpc.pb.h"
#include "proto/cleanmail/provisioning/v1/callouts.grpc.pb.h"

namespace cleanmail::ingress {
namespace {

using policy::v1::PolicyService;
using provisioning::v1::CalloutService;
using provisioning::v1::CheckRecipientResponse;

// Of the overloads of a stub's asynchronous method, the one with a callback.
template <class Service, class Request, class Response>
using Method = void (Service::StubInterface::async_interface::*)(grpc::ClientContext*,
                                                                 const Request*, Response*,
                                                                 std::function<void(grpc::Status)>);

class PolicyPeer final : public MailPolicy {
 public:
  explicit PolicyPeer(rpc::Peer<PolicyService> peer) : peer_(std::move(peer)) {}

  void EvaluateEnvelope(policy::v1::EvaluateEnvelopeRequest request, Asking asking,
                        Done<policy::v1::EvaluateEnvelopeResponse> done) override {
    const Method<PolicyService, policy::v1::EvaluateEnvelopeRequest,
                 policy::v1::EvaluateEnvelopeResponse>
        method = &PolicyService::StubInterface::async_interface::EvaluateEnvelope;
    peer_.CallLater(method, std::move(request),
                    {.deadline = asking.deadline, .trace = asking.trace}, std::move(done));
  }

  void EvaluateHeaders(policy::v1::EvaluateHeadersRequest request, Asking asking,
                       Done<policy::v1::EvaluateHeadersResponse> done) override {
    const Method<PolicyService, policy::v1::EvaluateHeadersRequest,
                 policy::v1::EvaluateHeadersResponse>
        method = &PolicyService::StubInterface::async_interface::EvaluateHeaders;
    peer_.CallLater(method, std::move(request),
                    {.deadline = asking.deadline, .trace = asking.trace}, std::move(done));
  }

 private:
  rpc::Peer<PolicyService> peer_;
};

Existence ToExistence(CheckRecipientResponse::Outcome outcome) {
  switch (outcome) {
    case CheckRecipientResponse::OUTCOME_EXISTS:
      return Existence::kExists;
    case CheckRecipientResponse::OUTCOME_DOES_NOT_EXIST:
      return Existence::kDoesNotExist;
    default:
      return Existence::kUnknown;
  }
}

class RecipientCheckPeer final : public RecipientCheck {
 public:
  explicit RecipientCheckPeer(rpc::Peer<CalloutService> peer) : peer_(std::move(peer)) {}

  void Check(std::string tenant, std::string address, Asking asking,
             absl::AnyInvocable<void(absl::StatusOr<RecipientAnswer>) &&> done) override {
    const Method<CalloutService, provisioning::v1::CheckRecipientRequest, CheckRecipientResponse>
        method = &CalloutService::StubInterface::async_interface::CheckRecipient;
    provisioning::v1::CheckRecipientRequest request;
    request.set_tenant(std::move(tenant));
    request.set_address(std::move(address));
    peer_.CallLater(
        method, std::move(request), {.deadline = asking.deadline, .trace = asking.trace},
        [done = std::move(done)](absl::StatusOr<CheckRecipientResponse> answer) mutable {
          if (!answer.ok()) return std::move(done)(answer.status());
          std::move(done)(RecipientAnswer{.existence = ToExistence(answer->outcome()),
                                          .reply = std::move(*answer->mutable_reply())});
        });
  }

 private:
  rpc::Peer<CalloutService> peer_;
};

}  // namespace

std::unique_ptr<MailPolicy> MakePolicyPeer(rpc::Peers& peers) {
  return std::make_unique<PolicyPeer>(peers.To<PolicyService>());
}

std::unique_ptr<RecipientCheck> MakeRecipientCheckPeer(rpc::Peers& peers) {
  return std::make_unique<RecipientCheckPeer>(peers.To<CalloutService>());
}

}  // namespace cleanmail::ingress
