#include "libs/rpc/server.h"

#include <cstdlib>
#include <filesystem>
#include <thread>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/forward.h"
#include "libs/rpc/on_behalf.h"
#include "proto/cleanmail/policy/v1/policy.grpc.pb.h"

namespace cleanmail::rpc {
namespace {

using policy::v1::EvaluateEnvelopeRequest;
using policy::v1::EvaluateEnvelopeResponse;
using policy::v1::PolicyService;

constexpr auto kMethod = &PolicyService::Stub::EvaluateEnvelope;
constexpr std::string_view kTrace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

// Answers with who called; refuses the sender "bad", sleeps for the sender "slow".
class FakePolicy final : public PolicyService::Service {
 public:
  grpc::Status EvaluateEnvelope(grpc::ServerContext* rpc, const EvaluateEnvelopeRequest* request,
                                EvaluateEnvelopeResponse* reply) override {
    return Answer(rpc, [&](const Caller& caller) -> absl::Status {
      if (request->sender() == "bad")
        return WithField(WithReason(absl::InvalidArgumentError("a bad sender"), "BAD_SENDER"),
                         "sender");
      if (request->sender() == "slow") {
        while (!rpc->IsCancelled()) absl::SleepFor(absl::Milliseconds(1));
        return absl::CancelledError("cancelled");
      }
      policy::v1::EnvelopeDecision& decision = *reply->add_decisions();
      decision.set_text(caller.id);
      decision.set_rule(caller.trace);
      decision.set_accepted(caller.role == Role::kService);
      return absl::OkStatus();
    });
  }
};

absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // TEST_TMPDIR is too long for a socket.
    char folder[] = "/tmp/cleanmail_rpc_XXXXXX";
    folder_ = mkdtemp(folder);
    auto server = Server::Start({&policy_}, {.socket_path = folder_ + "/s"}, *log_, metrics_);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    channels_.Open(server_->InProcessChannel());
  }
  void TearDown() override {
    channels_.Close();
    server_->Stop(absl::Now());
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/s"));
    std::filesystem::remove_all(folder_);
  }
  static EvaluateEnvelopeRequest From(const std::string& sender) {
    EvaluateEnvelopeRequest request;
    request.set_sender(sender);
    return request;
  }
  std::string folder_;
  FakePolicy policy_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  telemetry::MetricsRegistry metrics_;
  LocalChannels channels_;
  Peers peers_{channels_};
  std::unique_ptr<Server> server_;
};

TEST_F(ServerTest, AnInProcessCallIsAServicesAndCarriesTheTrace) {
  auto peer = peers_.To<PolicyService>();
  const auto answer = peer.Call(kMethod, From("a"), {.deadline = Soon(), .trace = kTrace});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->decisions(0).text(), "service");
  EXPECT_EQ(answer->decisions(0).rule(), kTrace);
  EXPECT_TRUE(answer->decisions(0).accepted());
}

TEST_F(ServerTest, ATraceThatIsNoneIsNotCarried) {
  auto peer = peers_.To<PolicyService>();
  const auto answer = peer.Call(kMethod, From("a"), {.deadline = Soon(), .trace = "evil\r\ntrace"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->decisions(0).rule(), "");
}

TEST_F(ServerTest, TheSocketIsAnOperatorsAndClosedToOthers) {
  struct stat s {};
  ASSERT_EQ(stat((folder_ + "/s").c_str(), &s), 0);
  EXPECT_EQ(s.st_mode & 0777, 0600u);
  LocalChannels channels;
  channels.Open(ChannelToSocket(folder_ + "/s"));
  Peers peers(channels);
  auto peer = peers.To<PolicyService>();
  const auto answer = peer.Call(kMethod, From("a"), {.deadline = Soon(), .trace = {}});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->decisions(0).text(), "operator/local");
  EXPECT_FALSE(answer->decisions(0).accepted());
}

// Calls with metadata that says `caller` and returns who the service took it for.
std::string TakenFor(const std::shared_ptr<grpc::ChannelInterface>& channel,
                     const std::string& caller) {
  const auto stub = PolicyService::NewStub(channel);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(Soon()));
  context.AddMetadata(kCallerKey, caller);
  EvaluateEnvelopeRequest request;
  EvaluateEnvelopeResponse response;
  const grpc::Status status = stub->EvaluateEnvelope(&context, request, &response);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return response.decisions_size() == 0 ? "" : response.decisions(0).text();
}

TEST_F(ServerTest, T_E7_OnBehalfOfSomebodyIsBelievedInProcessOnly) {
  const std::string ann =
      ToProto(Caller{.role = Role::kTenant, .id = "token/1", .tenant = "acme"}).SerializeAsString();
  EXPECT_EQ(TakenFor(server_->InProcessChannel(), ann), "token/1");
  EXPECT_EQ(TakenFor(ChannelToSocket(folder_ + "/s"), ann), "operator/local");
  // What cannot be read makes nobody of the caller, not a room.
  EXPECT_EQ(TakenFor(server_->InProcessChannel(), "\xff\xff"), "unknown");
}

TEST_F(ServerTest, ACallInBytesIsForwardedOnBehalfOfItsCaller) {
  const Caller ann{.role = Role::kTenant, .id = "token/1", .tenant = "acme"};
  const std::string method =
      base::Cat("/", PolicyService::service_full_name(), "/EvaluateEnvelope");
  const ForwardOptions options{.deadline = Soon(), .caller = ann, .trace = kTrace};
  const auto answer = Forward(channels_, method, From("a").SerializeAsString(), options);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EvaluateEnvelopeResponse response;
  ASSERT_TRUE(response.ParseFromString(*answer));
  EXPECT_EQ(response.decisions(0).text(), "token/1");
  EXPECT_EQ(response.decisions(0).rule(), kTrace);
  const absl::Status bad =
      Forward(channels_, method, From("bad").SerializeAsString(), options).status();
  EXPECT_EQ(bad.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(FieldOf(bad), "sender");
  EXPECT_EQ(Forward(channels_, "/none.Such/Method", "", options).status().code(),
            absl::StatusCode::kUnimplemented);
}

TEST(OnBehalf, EverythingArrivesButARoleOfServicesNever) {
  const Caller user{.role = Role::kUser,
                    .id = "token/2",
                    .tenant = "acme",
                    .domains = {"acme.example"},
                    .user = "ann@acme.example",
                    .scopes = {"holds.*"},
                    .address = "192.0.2.1"};
  const Caller arrived = FromProto(ToProto(user));
  EXPECT_EQ(arrived.role, Role::kUser);
  EXPECT_EQ(arrived.tenant, "acme");
  EXPECT_EQ(arrived.domains, user.domains);
  EXPECT_EQ(arrived.user, user.user);
  EXPECT_EQ(arrived.scopes, user.scopes);
  EXPECT_EQ(arrived.address, user.address);
  EXPECT_EQ(FromProto(ToProto(Caller{.role = Role::kService})).role, Role::kNone);
}

TEST_F(ServerTest, AnErrorKeepsItsCodeWordsAndReasonAndIsCounted) {
  auto peer = peers_.To<PolicyService>();
  const absl::Status status =
      peer.Call(kMethod, From("bad"), {.deadline = Soon(), .trace = {}}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "a bad sender");
  EXPECT_EQ(ReasonOf(status), "BAD_SENDER");
  EXPECT_EQ(FieldOf(status), "sender");
  EXPECT_NE(metrics_.Text().find("cleanmail_rpc_failures_total{method=\"/"
                                 "cleanmail.policy.v1.PolicyService/EvaluateEnvelope\"} 1\n"),
            std::string::npos)
      << metrics_.Text();
}

TEST_F(ServerTest, AHangingServiceEndsAtTheDeadline) {
  auto peer = peers_.To<PolicyService>();
  const absl::Status status =
      peer.Call(kMethod, From("slow"),
                {.deadline = absl::Now() + absl::Milliseconds(50), .trace = {}})
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(ServerTest, CallLaterCallsBackOnce) {
  auto peer = peers_.To<PolicyService>();
  for (const std::string sender : {"a", "bad"}) {
    absl::Notification done;
    absl::StatusOr<EvaluateEnvelopeResponse> answer;
    peer.CallLater(&PolicyService::StubInterface::async_interface::EvaluateEnvelope, From(sender),
                   {.deadline = Soon(), .trace = {}},
                   [&](absl::StatusOr<EvaluateEnvelopeResponse> response) {
                     answer = std::move(response);
                     done.Notify();
                   });
    done.WaitForNotification();
    EXPECT_EQ(answer.ok(), sender == "a");
  }
}

TEST(LocalChannels, ACallWaitsForTheServerAndGivesUpAtItsDeadline) {
  LocalChannels channels;
  EXPECT_EQ(channels.ChannelTo("x", absl::Now() + absl::Milliseconds(10)).status().code(),
            absl::StatusCode::kUnavailable);
  std::thread opener([&] { channels.Open(ChannelToSocket("/nowhere")); });
  EXPECT_TRUE(channels.ChannelTo("x", Soon()).ok());
  opener.join();
  channels.Close();
  EXPECT_FALSE(channels.ChannelTo("x", Soon()).ok());
}

TEST(Server, APathTooLongForASocketIsExplained) {
  const auto log = telemetry::MakeNullLog();
  telemetry::MetricsRegistry metrics;
  const absl::Status status =
      Server::Start({}, {.socket_path = "/" + std::string(200, 'x')}, *log, metrics).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(status.ToString().find("app.rpc.socket"), std::string::npos);
}

}  // namespace
}  // namespace cleanmail::rpc
