#include "services/ingress/advisor_peers.h"

#include <utility>

#include "proto/cleanmail/egress/v1/egress.grpc.pb.h"
#include "proto/cleanmail/policy/v1/policy.grpc.pb.h"
#include "proto/cleanmail/provisioning/v1/callouts.grpc.pb.h"
#include "proto/cleanmail/scanner/v1/scanner.grpc.pb.h"

namespace cleanmail::ingress {
namespace {

using egress::v1::DescribeDestinationsResponse;
using egress::v1::EgressService;
using policy::v1::PolicyService;
using provisioning::v1::CalloutService;
using provisioning::v1::CheckRecipientResponse;
using scanner::v1::ScannerService;

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

  void EvaluateMessage(policy::v1::EvaluateMessageRequest request, Asking asking,
                       Done<policy::v1::EvaluateMessageResponse> done) override {
    const Method<PolicyService, policy::v1::EvaluateMessageRequest,
                 policy::v1::EvaluateMessageResponse>
        method = &PolicyService::StubInterface::async_interface::EvaluateMessage;
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

class MessageScanPeer final : public MessageScan {
 public:
  explicit MessageScanPeer(rpc::Peer<ScannerService> peer) : peer_(std::move(peer)) {}

  void Scan(mail::v1::Message message, std::string content, Asking asking,
            absl::AnyInvocable<void(absl::StatusOr<mail::v1::ScanResult>) &&> done) override {
    const Method<ScannerService, scanner::v1::ScanMessageRequest, scanner::v1::ScanMessageResponse>
        method = &ScannerService::StubInterface::async_interface::ScanMessage;
    scanner::v1::ScanMessageRequest request;
    *request.mutable_message() = std::move(message);
    request.set_content(std::move(content));
    peer_.CallLater(
        method, std::move(request), {.deadline = asking.deadline, .trace = asking.trace},
        [done = std::move(done)](absl::StatusOr<scanner::v1::ScanMessageResponse> answer) mutable {
          if (!answer.ok()) return std::move(done)(answer.status());
          std::move(done)(std::move(*answer->mutable_scan()));
        });
  }

 private:
  rpc::Peer<ScannerService> peer_;
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

class DestinationLorePeer final : public DestinationLore {
 public:
  explicit DestinationLorePeer(rpc::Peer<EgressService> peer) : peer_(std::move(peer)) {}

  void Describe(std::vector<Destination> destinations, Asking asking,
                absl::AnyInvocable<void(absl::StatusOr<std::vector<DestinationAbilities>>) &&> done)
      override {
    const Method<EgressService, egress::v1::DescribeDestinationsRequest,
                 DescribeDestinationsResponse>
        method = &EgressService::StubInterface::async_interface::DescribeDestinations;
    egress::v1::DescribeDestinationsRequest request;
    for (Destination& destination : destinations) {
      egress::v1::Destination& one = *request.add_destinations();
      one.set_tenant(std::move(destination.tenant));
      one.set_domain(std::move(destination.domain));
    }
    peer_.CallLater(
        method, std::move(request), {.deadline = asking.deadline, .trace = asking.trace},
        [done = std::move(done)](absl::StatusOr<DescribeDestinationsResponse> answer) mutable {
          if (!answer.ok()) return std::move(done)(answer.status());
          std::vector<DestinationAbilities> all;
          for (const egress::v1::DestinationAbilities& one : answer->abilities()) {
            all.push_back(
                {.known = one.known(), .smtp_utf8 = one.smtp_utf8(), .max_size = one.max_size()});
          }
          std::move(done)(std::move(all));
        });
  }

 private:
  rpc::Peer<EgressService> peer_;
};

}  // namespace

std::unique_ptr<DestinationLore> MakeDestinationLorePeer(rpc::Peers& peers) {
  return std::make_unique<DestinationLorePeer>(peers.To<EgressService>());
}

std::unique_ptr<MailPolicy> MakePolicyPeer(rpc::Peers& peers) {
  return std::make_unique<PolicyPeer>(peers.To<PolicyService>());
}

std::unique_ptr<MessageScan> MakeMessageScanPeer(rpc::Peers& peers) {
  return std::make_unique<MessageScanPeer>(peers.To<ScannerService>());
}

std::unique_ptr<RecipientCheck> MakeRecipientCheckPeer(rpc::Peers& peers) {
  return std::make_unique<RecipientCheckPeer>(peers.To<CalloutService>());
}

}  // namespace cleanmail::ingress
