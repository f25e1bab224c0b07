#include "libs/rpc/network_channels.h"

#include <algorithm>
#include <set>

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/channel_arguments.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/rpc/assertion.h"
#include "libs/rpc/method_rules.h"

namespace cleanmail::rpc {
namespace {

using grpc::experimental::ExternalCertificateVerifier;
using grpc::experimental::TlsCustomVerificationCheckRequest;

// Whether the server is the room that was meant. Its chain gRPC has checked.
class RoomVerifier final : public ExternalCertificateVerifier {
 public:
  RoomVerifier(std::string trust_domain, std::string room)
      : trust_domain_(std::move(trust_domain)), room_(std::move(room)) {}

  bool Verify(TlsCustomVerificationCheckRequest* request, std::function<void(grpc::Status)>,
              grpc::Status* status) override {
    std::vector<std::string> uris;
    for (const grpc::string_ref& uri : request->uri_names())
      uris.emplace_back(uri.data(), uri.size());
    const std::vector<std::string> rooms = RoomsOf(uris, trust_domain_);
    const bool is_room = std::ranges::find(rooms, room_) != rooms.end();
    *status = is_room ? grpc::Status::OK
                      : grpc::Status(grpc::StatusCode::UNAUTHENTICATED,
                                     base::Cat("the server's certificate does not name ", room_));
    return true;  // decided here and now
  }
  void Cancel(TlsCustomVerificationCheckRequest*) override {}

 private:
  const std::string trust_domain_;
  const std::string room_;
};

std::shared_ptr<grpc::ChannelCredentials> TlsTo(const std::string& room,
                                                const std::string& trust_domain,
                                                const Credentials& credentials) {
  grpc::experimental::TlsChannelCredentialsOptions options;
  options.set_certificate_provider(
      std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
          credentials.authority, std::vector<grpc::experimental::IdentityKeyCertPair>{
                                     {credentials.key, credentials.certificate}}));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_verify_server_certs(true);
  options.set_check_call_host(false);  // who the server is, its certificate says as a room
  options.set_certificate_verifier(
      ExternalCertificateVerifier::Create<RoomVerifier>(trust_domain, room));
  return grpc::experimental::TlsCredentials(options);
}

grpc::ChannelArguments ArgumentsTo(const std::string& service, const std::string& room) {
  grpc::ChannelArguments arguments;
  arguments.SetServiceConfigJSON(ServiceConfigOf(service, room));
  arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, room);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // Despite its name what one attempt may take, TLS included, on a busy machine; the next one comes
  // after the back-off whatever this is.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 5'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 2'000);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 2'000);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kLargestMetadata);
  arguments.SetMaxReceiveMessageSize(64 * 1024 * 1024);
  return arguments;
}

// `/package.Service/Method` and `package.Service` → `package.Service`.
std::string ServiceOf(std::string_view method) {
  if (method.starts_with('/')) method.remove_prefix(1);
  return std::string(method.substr(0, method.find('/')));
}

// `cleanmail.policy.v1.PolicyService` → `policy`; empty when it is none of ours.
std::string RoomOf(const std::string& service) {
  constexpr std::string_view kOurs = "cleanmail.";
  if (!service.starts_with(kOurs)) return "";
  const size_t end = service.find('.', kOurs.size());
  return end == std::string::npos ? "" : service.substr(kOurs.size(), end - kOurs.size());
}

}  // namespace

struct NetworkChannels::Known {
  std::string room;
  std::shared_ptr<const Credentials> credentials;  // the channel was made with
  std::shared_ptr<grpc::Channel> channel;          // gRPC's own way of holding channels
};

NetworkChannels::NetworkChannels(Options options, Identity& identity, Channels& local)
    : options_(std::move(options)), identity_(identity), local_(local) {}
NetworkChannels::~NetworkChannels() = default;

bool NetworkChannels::IsHere(const std::string& room) const {
  return std::ranges::find(options_.here, room) != options_.here.end();
}

std::shared_ptr<grpc::ChannelInterface> NetworkChannels::ChannelWith(
    const std::shared_ptr<const Credentials>& credentials, const std::string& service,
    const std::string& room) {
  absl::MutexLock lock(&mutex_);
  Known& known = known_[service];
  if (known.channel == nullptr || known.credentials != credentials) {
    const auto target = options_.targets.find(room);
    known.room = room;
    known.credentials = credentials;
    known.channel = grpc::CreateCustomChannel(
        target != options_.targets.end() ? target->second
                                         : base::Cat("dns:///", room, ":", options_.port),
        TlsTo(room, identity_.files().trust_domain, *credentials), ArgumentsTo(service, room));
  }
  return known.channel;
}

absl::StatusOr<std::shared_ptr<grpc::ChannelInterface>> NetworkChannels::ChannelTo(
    std::string_view service, absl::Time deadline) {
  const std::string name = ServiceOf(service);
  const std::string room = RoomOf(name);
  if (room.empty() || IsHere(room)) return local_.ChannelTo(service, deadline);
  return ChannelWith(identity_.current(), name, room);
}

absl::StatusOr<Channels::Spoken> NetworkChannels::ChannelFor(const std::string& method,
                                                             const Caller& caller,
                                                             absl::Time deadline) {
  const std::string name = ServiceOf(method);
  const std::string room = RoomOf(name);
  if (room.empty() || IsHere(room)) return local_.ChannelFor(method, caller, deadline);
  // Signed with the key the channel's connections are made with.
  const std::shared_ptr<const Credentials> credentials = identity_.current();
  Spoken spoken = {
      .channel = ChannelWith(credentials, name, room), .key = kAssertionKey, .value = {}};
  CLEANMAIL_ASSIGN_OR_RETURN(spoken.value,
                             MakeAssertion(*credentials->signer, caller, method, absl::Now()));
  return spoken;
}

std::vector<std::string> NetworkChannels::Unreachable() {
  std::set<std::string> rooms;
  absl::MutexLock lock(&mutex_);
  for (const auto& [service, known] : known_) {
    if (known.channel->GetState(false) == GRPC_CHANNEL_TRANSIENT_FAILURE) rooms.insert(known.room);
  }
  return {rooms.begin(), rooms.end()};
}

}  // namespace cleanmail::rpc
