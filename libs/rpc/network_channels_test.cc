#include "libs/rpc/network_channels.h"

#include <atomic>
#include <filesystem>
#include <thread>

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/crypto/fake_authority.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/assertion.h"
#include "libs/rpc/forward.h"
#include "libs/rpc/on_behalf.h"
#include "libs/rpc/server.h"
#include "proto/cleanmail/policy/v1/policy.grpc.pb.h"

namespace cleanmail::rpc {
namespace {

using policy::v1::EvaluateEnvelopeRequest;
using policy::v1::EvaluateEnvelopeResponse;
using policy::v1::PolicyService;

constexpr char kGetPolicy[] = "/cleanmail.policy.v1.PolicyService/GetPolicy";
constexpr char kCreateListEntry[] = "/cleanmail.policy.v1.PolicyService/CreateListEntry";

// Answers with who called.
class FakePolicy final : public PolicyService::Service {
 public:
  grpc::Status EvaluateEnvelope(grpc::ServerContext* rpc, const EvaluateEnvelopeRequest*,
                                EvaluateEnvelopeResponse* reply) override {
    ++calls;
    return Answer(rpc, [&](const Caller& caller) -> absl::Status {
      reply->add_decisions()->set_text(caller.id);
      reply->mutable_decisions(0)->set_accepted(caller.role == Role::kService);
      return absl::OkStatus();
    });
  }
  grpc::Status GetPolicy(grpc::ServerContext* rpc, const policy::v1::GetPolicyRequest*,
                         policy::v1::Policy* reply) override {
    return Answer(rpc, [&](const Caller& caller) -> absl::Status {
      reply->set_name(base::Cat(RoleName(caller.role), " ", caller.id, " ", caller.tenant));
      return absl::OkStatus();
    });
  }
  grpc::Status CreateListEntry(grpc::ServerContext* rpc,
                               const policy::v1::CreateListEntryRequest* request,
                               policy::v1::ListEntry* reply) override {
    return Answer(rpc, [&](const Caller& caller) -> absl::Status {
      *reply = request->list_entry();
      reply->set_name(caller.id);
      return absl::OkStatus();
    });
  }
  std::atomic<int> calls = 0;
};

absl::Time Soon() { return absl::Now() + absl::Seconds(20); }

std::string UriOf(const std::string& room) { return "spiffe://cleanmail/" + room; }

// Another process: its certificate and its channels.
struct Client {
  std::unique_ptr<Identity> identity = {};
  LocalChannels local = {};
  std::unique_ptr<NetworkChannels> channels = {};
};

class NetworkChannelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = base::Cat(::testing::TempDir(), "/",
                        ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
    authority_ = std::make_unique<crypto::FakeAuthority>(folder_, "authority");
    Serve();
  }
  void TearDown() override {
    if (server_ != nullptr) server_->Stop(absl::Now());
  }

  // Every call looks at the files again.
  static std::unique_ptr<Identity> Open(const crypto::IssuedFiles& files, const std::string& room) {
    auto identity = Identity::Open({.certificate = files.certificate,
                                    .key = files.key,
                                    .authority = files.authority,
                                    .reread = absl::ZeroDuration()},
                                   {room});
    EXPECT_TRUE(identity.ok()) << identity.status();
    return *std::move(identity);
  }

  std::unique_ptr<Server> ServeAs(FakePolicy& policy, const std::string& room,
                                  const std::string& listen = "127.0.0.1:0") {
    auto identity = Open(authority_->Issue(room + "_server", {UriOf(room)}), room);
    auto server =
        Server::Start({&policy}, {.listen = listen, .identity = identity.get()}, *log_, metrics_);
    EXPECT_TRUE(server.ok()) << server.status();
    identities_.push_back(std::move(identity));
    (*server)->SetServing("policy", true);
    return *std::move(server);
  }
  void Serve(const std::string& listen = "127.0.0.1:0") {
    server_ = ServeAs(policy_, "policy", listen);
    target_ = base::Cat("ipv4:127.0.0.1:", server_->port());
  }

  std::unique_ptr<Client> As(const std::string& room) {
    return With(authority_->Issue(room, {UriOf(room)}), room);
  }
  std::unique_ptr<Client> With(const crypto::IssuedFiles& files, const std::string& room) {
    auto client = std::make_unique<Client>();
    client->identity = Open(files, room);
    client->channels = std::make_unique<NetworkChannels>(
        NetworkChannels::Options{.here = {room}, .targets = {{"policy", target_}}},
        *client->identity, client->local);
    return client;
  }

  static absl::StatusOr<EvaluateEnvelopeResponse> Evaluate(Client& client) {
    return Peer<PolicyService>(*client.channels)
        .Call(&PolicyService::Stub::EvaluateEnvelope, EvaluateEnvelopeRequest(),
              {.deadline = Soon(), .trace = {}});
  }
  // Asks for a policy with that metadata.
  static absl::Status GetWith(Client& client,
                              const std::vector<std::pair<std::string, std::string>>& metadata) {
    const auto channel = client.channels->ChannelTo(PolicyService::service_full_name(), Soon());
    const auto stub = PolicyService::NewStub(*channel);
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(Soon()));
    for (const auto& [key, value] : metadata) context.AddMetadata(key, value);
    policy::v1::Policy policy;
    return FromGrpc(stub->GetPolicy(&context, {}, &policy));
  }
  absl::StatusOr<std::string> GetFor(Client& client, const Caller& caller) {
    const auto bytes =
        Forward(*client.channels, kGetPolicy, "", {.deadline = Soon(), .caller = caller});
    if (!bytes.ok()) return bytes.status();
    policy::v1::Policy policy;
    EXPECT_TRUE(policy.ParseFromString(*bytes));
    return policy.name();
  }

  const Caller ann_{.role = Role::kTenant, .id = "token/1", .tenant = "acme"};
  std::string folder_;
  std::unique_ptr<crypto::FakeAuthority> authority_;
  FakePolicy policy_;
  std::unique_ptr<telemetry::Log> log_ = telemetry::MakeNullLog();
  telemetry::MetricsRegistry metrics_;
  std::vector<std::unique_ptr<Identity>> identities_;
  std::unique_ptr<Server> server_;
  std::string target_;
};

TEST_F(NetworkChannelsTest, ARoomIsWhoItsCertificateSays) {
  const auto ingress = As("ingress");
  const auto answer = Evaluate(*ingress);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->decisions(0).text(), "ingress");
  EXPECT_TRUE(answer->decisions(0).accepted());
}

TEST_F(NetworkChannelsTest, T_E7_ARoomThatTheMethodDoesNotNameIsRefused) {
  const auto scanner = As("scanner");
  EXPECT_EQ(Evaluate(*scanner).status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_NE(metrics_.Text().find("cleanmail_rpc_refused_total 1\n"), std::string::npos);
}

TEST_F(NetworkChannelsTest, T_E7_ACertificateThatNamesNoRoomIsRefused) {
  for (const std::string uri : {"spiffe://elsewhere/ingress", "https://cleanmail/ingress",
                                "spiffe://cleanmail/", "spiffe://cleanmail/a/ingress"}) {
    auto files = authority_->Issue("stranger", {uri, UriOf("x")});
    auto client = With(files, "x");
    files = authority_->Issue("stranger", {uri});
    // The identity would not take it: it goes by a channel of its own.
    grpc::experimental::TlsChannelCredentialsOptions options;
    options.set_certificate_provider(
        std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
            files.key, files.certificate, files.authority, 60));
    options.watch_root_certs();
    options.watch_identity_key_cert_pairs();
    options.set_check_call_host(false);
    options.set_certificate_verifier(
        std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
    const auto stub = PolicyService::NewStub(
        grpc::CreateChannel(target_, grpc::experimental::TlsCredentials(options)));
    grpc::ClientContext context;
    EvaluateEnvelopeResponse response;
    EXPECT_EQ(stub->EvaluateEnvelope(&context, {}, &response).error_code(),
              grpc::StatusCode::UNAUTHENTICATED)
        << uri;
  }
}

TEST_F(NetworkChannelsTest, T_E7_AnotherAuthoritysCertificateIsNotConnectedTo) {
  std::filesystem::create_directories(folder_ + "/other");
  crypto::FakeAuthority other(folder_ + "/other", "other");
  auto files = other.Issue("ingress", {UriOf("ingress")});
  files.authority = folder_ + "/authority.pem";  // it believes the server; the server not it
  const auto ingress = With(files, "ingress");
  EXPECT_EQ(Evaluate(*ingress).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(NetworkChannelsTest, T_E7_AServerThatIsAnotherRoomIsNotSpokenTo) {
  FakePolicy impostor;
  const auto server = ServeAs(impostor, "egress");
  target_ = base::Cat("ipv4:127.0.0.1:", server->port());
  const auto ingress = As("ingress");
  EXPECT_EQ(Evaluate(*ingress).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(impostor.calls, 0);
  EXPECT_EQ(ingress->channels->Unreachable(), std::vector<std::string>{"policy"});
}

TEST_F(NetworkChannelsTest, ThePortalSpeaksForPeople) {
  const auto portal = As("portal");
  const auto name = GetFor(*portal, ann_);
  ASSERT_TRUE(name.ok()) << name.status();
  EXPECT_EQ(*name, "tenant token/1 acme");
}

TEST_F(NetworkChannelsTest, ACallerOfManyDomainsIsSpokenForToo) {
  Caller caller{.role = Role::kDomain, .id = "token/2", .tenant = "acme"};
  for (int i = 0; i < 50; ++i) caller.domains.push_back(std::string(250, 'd'));
  for (int i = 0; i < 50; ++i) caller.scopes.push_back(std::string(60, 's'));
  const auto portal = As("portal");
  const auto name = GetFor(*portal, caller);
  EXPECT_TRUE(name.ok()) << name.status();
}

TEST_F(NetworkChannelsTest, T_E7_OthersSpeakForPeopleOnlyWhereTheMethodNamesThem) {
  const auto quarantine = As("quarantine");
  EXPECT_EQ(GetFor(*quarantine, ann_).status().code(), absl::StatusCode::kPermissionDenied);
  const auto made =
      Forward(*quarantine->channels, kCreateListEntry, "", {.deadline = Soon(), .caller = ann_});
  ASSERT_TRUE(made.ok()) << made.status();
  policy::v1::ListEntry entry;
  ASSERT_TRUE(entry.ParseFromString(*made));
  EXPECT_EQ(entry.name(), "token/1");
}

TEST_F(NetworkChannelsTest, T_E7_AHeaderIsNotBelieved) {
  const auto portal = As("portal");
  const std::string operator_said =
      ToProto(Caller{.role = Role::kOperator, .id = "operator/local"}).SerializeAsString();
  for (const auto& metadata : std::vector<std::vector<std::pair<std::string, std::string>>>{
           {},
           {{kCallerKey, operator_said}},
           {{kAssertionKey, operator_said}},
           {{kAssertionKey, ""}},
           {{kAssertionKey, "\xff\xff"}}}) {
    EXPECT_EQ(GetWith(*portal, metadata).code(), absl::StatusCode::kPermissionDenied);
  }
}

TEST_F(NetworkChannelsTest, T_E7_AnAssertionCountsForItsTimeItsMethodAndItsConnectionOnly) {
  const auto portal = As("portal");
  const auto quarantine = As("quarantine");
  const auto made = [&](Client& by, std::string_view method, absl::Time now) {
    return *MakeAssertion(*by.identity->current()->signer, ann_, method, now);
  };
  const absl::Time now = absl::Now();
  const std::string good = made(*portal, kGetPolicy, now);
  EXPECT_TRUE(GetWith(*portal, {{kAssertionKey, good}}).ok());
  const auto refused = [&](const std::vector<std::pair<std::string, std::string>>& metadata) {
    return GetWith(*portal, metadata).code() == absl::StatusCode::kPermissionDenied;
  };
  EXPECT_TRUE(refused({{kAssertionKey, made(*portal, kGetPolicy, now - absl::Minutes(6))}}));
  EXPECT_TRUE(refused({{kAssertionKey, made(*portal, kGetPolicy, now + absl::Minutes(6))}}));
  EXPECT_TRUE(refused({{kAssertionKey, made(*portal, kCreateListEntry, now)}}));
  EXPECT_TRUE(refused({{kAssertionKey, made(*quarantine, kGetPolicy, now)}}));
  EXPECT_TRUE(refused({{kAssertionKey, good}, {kAssertionKey, good}}));
  const auto nobody = *MakeAssertion(*portal->identity->current()->signer,
                                     Caller{.role = Role::kService, .id = "x"}, kGetPolicy, now);
  EXPECT_TRUE(refused({{kAssertionKey, nobody}}));
}

TEST_F(NetworkChannelsTest, CertificatesAreSwappedWhileCallsRun) {
  const auto ingress = As("ingress");
  const auto portal = As("portal");
  std::atomic<bool> stop = false;
  std::atomic<int> failures = 0;
  std::thread caller([&] {
    while (!stop) failures += Evaluate(*ingress).ok() ? 0 : 1;
  });
  for (int round = 0; round < 3; ++round) {
    authority_->Issue("ingress", {UriOf("ingress")});
    authority_->Issue("portal", {UriOf("portal")});
    EXPECT_TRUE(GetFor(*portal, ann_).ok());
  }
  authority_->Issue("policy_server", {UriOf("policy"), UriOf("second")});
  bool is_new = false;
  while (!is_new && absl::Now() < Soon()) {
    authority_->Issue("ingress", {UriOf("ingress")});  // a new channel, so a new handshake
    const auto channel = ingress->channels->ChannelTo(PolicyService::service_full_name(), Soon());
    const auto stub = PolicyService::NewStub(*channel);
    grpc::ClientContext context;
    EvaluateEnvelopeResponse response;
    if (!stub->EvaluateEnvelope(&context, {}, &response).ok()) continue;
    is_new = context.auth_context()->FindPropertyValues("peer_uri").size() == 2;
    absl::SleepFor(absl::Milliseconds(20));
  }
  EXPECT_TRUE(is_new);
  stop = true;
  caller.join();
  EXPECT_EQ(failures, 0);
}

TEST_F(NetworkChannelsTest, FilesThatAreNotInOrderChangeNothing) {
  const auto ingress = As("ingress");
  const auto before = ingress->identity->current();
  std::filesystem::copy_file(folder_ + "/policy_server.pem", folder_ + "/ingress.pem",
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_EQ(ingress->identity->current(), before);
  EXPECT_FALSE(ingress->identity->reread_status().ok());
  EXPECT_TRUE(Evaluate(*ingress).ok());
}

TEST_F(NetworkChannelsTest, AServerThatIsNotThereIsUnavailableAndFoundWhenItComes) {
  const auto ingress = As("ingress");
  const std::string listen = base::Cat("127.0.0.1:", server_->port());
  server_->Stop(absl::Now());
  server_ = nullptr;
  const absl::Time began = absl::Now();
  EXPECT_EQ(Evaluate(*ingress).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - began, absl::Seconds(10));
  Serve(listen);
  bool is_back = false;
  while (!is_back && absl::Now() < Soon()) is_back = Evaluate(*ingress).ok();
  EXPECT_TRUE(is_back);
}

TEST_F(NetworkChannelsTest, CallsGoInTurnToAllServersThatAreServing) {
  FakePolicy second;
  const auto other = ServeAs(second, "policy");
  target_ = base::Cat("ipv4:127.0.0.1:", server_->port(), ",127.0.0.1:", other->port());
  const auto ingress = As("ingress");
  const auto called = [&](FakePolicy& policy) {
    const int before = policy.calls;
    for (int i = 0; i < 10; ++i) EXPECT_TRUE(Evaluate(*ingress).ok());
    return policy.calls > before;
  };
  const absl::Time deadline = Soon();
  while ((!called(policy_) || !called(second)) && absl::Now() < deadline) {
  }
  EXPECT_TRUE(called(policy_) && called(second));
  other->SetServing("policy", false);  // it drains
  while (called(second) && absl::Now() < deadline) {
  }
  EXPECT_FALSE(called(second));
}

TEST_F(NetworkChannelsTest, RoomsOfThisProcessAreCalledInProcess) {
  auto policy = With(authority_->Issue("policy", {UriOf("policy")}), "policy");
  policy->local.Open(server_->InProcessChannel());
  const auto answer = Evaluate(*policy);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->decisions(0).text(), "service");
  EXPECT_TRUE(GetFor(*policy, ann_).ok());
}

TEST_F(NetworkChannelsTest, APortThatIsTakenIsSaid) {
  const auto taken = Server::Start(
      {&policy_},
      {.listen = base::Cat("127.0.0.1:", server_->port()), .identity = identities_[0].get()}, *log_,
      metrics_);
  EXPECT_EQ(taken.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(taken.status().ToString().find("app.rpc.listen"), std::string::npos);
}

TEST(Identity, SettingsAndFilesThatAreWrongAreNamed) {
  const std::string folder = ::testing::TempDir();
  crypto::FakeAuthority authority(folder, "authority");
  const auto files = authority.Issue("a", {UriOf("ingress")});
  const auto other = authority.Issue("b", {});
  const auto why = [&](std::string certificate, std::string key, std::string ca) {
    const auto opened = Identity::Open(
        {.certificate = std::move(certificate), .key = std::move(key), .authority = std::move(ca)},
        {"ingress"});
    return opened.ok() ? "ok" : std::string(opened.status().message());
  };
  EXPECT_EQ(why(files.certificate, files.key, files.authority), "ok");
  EXPECT_TRUE(why("/nowhere", files.key, files.authority).starts_with("app.rpc.tls.certificate: "));
  EXPECT_TRUE(why(files.key, files.key, files.authority).starts_with("app.rpc.tls.certificate: "));
  EXPECT_TRUE(why(files.certificate, other.key, files.authority).starts_with("app.rpc.tls.key: "));
  EXPECT_TRUE(why(files.certificate, files.key, files.key).starts_with("app.rpc.tls.authority: "));
  EXPECT_NE(why(other.certificate, other.key, other.authority).find("spiffe://cleanmail/ingress"),
            std::string::npos);
}

}  // namespace
}  // namespace cleanmail::rpc
