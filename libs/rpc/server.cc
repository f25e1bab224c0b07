#include "libs/rpc/server.h"

#include <algorithm>
#include <map>

#include <grpcpp/channel.h>
#include <grpcpp/create_channel.h>
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/support/server_interceptor.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "libs/rpc/answer.h"
#include "libs/rpc/assertion.h"
#include "libs/rpc/gate.h"
#include "libs/rpc/on_behalf.h"

namespace cleanmail::rpc {
namespace {

// A file of 10 MiB that is imported, and what is round it.
constexpr int kLargestRequest = 12 * 1024 * 1024;
constexpr int kIdleThreads = 8;  // that wait for calls, at most

using grpc::experimental::InterceptionHookPoints;

telemetry::Level LevelOf(grpc::StatusCode code) {
  switch (code) {
    case grpc::StatusCode::INTERNAL:
    case grpc::StatusCode::UNKNOWN:
    case grpc::StatusCode::DATA_LOSS:
      return telemetry::Level::kError;
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::DEADLINE_EXCEEDED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return telemetry::Level::kWarning;
    default:
      return telemetry::Level::kDebug;  // the caller's affair
  }
}

// Counts, times and logs calls.
class Observer {
 public:
  Observer(telemetry::Log& log, telemetry::MetricsRegistry& metrics)
      : log_(log), metrics_(metrics) {}

  void Ended(const char* method, const grpc::Status& status, absl::Duration took) {
    Method& counts = CountsOf(method);
    counts.seconds.Observe(absl::ToDoubleSeconds(took));
    // gRPC's own services: one who watches our health ends by going away.
    if (status.ok() || std::string_view(method).starts_with("/grpc.")) return;
    counts.failures.Add();
    log_.Write(
        LevelOf(status.error_code()), "rpc.failed",
        {{"method", method},
         {"code",
          base::View(absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())))},
         {"reason", ReasonOf(FromGrpc(status))},
         {"error", base::Printable(status.error_message())}});
  }

 private:
  struct Method {
    telemetry::Histogram& seconds;
    telemetry::Counter& failures;
  };
  // Methods are those of our protos: a closed set.
  Method& CountsOf(const char* name) {
    absl::MutexLock lock(&mutex_);
    const auto it = methods_.find(std::string_view(name));
    if (it != methods_.end()) return it->second;
    const telemetry::Labels labels = {{"method", name}};
    return methods_
        .emplace(name, Method{metrics_.AddHistogram("cleanmail_rpc_call_seconds",
                                                    "Time a call took to be answered.",
                                                    telemetry::LatencyBounds(), labels),
                              metrics_.AddCounter("cleanmail_rpc_failures_total",
                                                  "Calls answered with an error.", labels)})
        .first->second;
  }

  telemetry::Log& log_;
  telemetry::MetricsRegistry& metrics_;
  absl::Mutex mutex_;
  std::map<std::string, Method, std::less<>> methods_ ABSL_GUARDED_BY(mutex_);
};

class CallObserver final : public grpc::experimental::Interceptor {
 public:
  CallObserver(Observer& observer, const char* method) : observer_(observer), method_(method) {}
  void Intercept(grpc::experimental::InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(InterceptionHookPoints::PRE_SEND_STATUS)) {
      observer_.Ended(method_, methods->GetSendStatus(), absl::Now() - began_);
    }
    methods->Proceed();
  }

 private:
  Observer& observer_;
  const char* const method_;
  const absl::Time began_ = absl::Now();
};

class CallObservers final : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  explicit CallObservers(Observer& observer) : observer_(observer) {}
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    return new CallObserver(observer_, info->method());  // gRPC deletes it
  }

 private:
  Observer& observer_;
};

// Mutual TLS with the files of `identity`, which gRPC itself reads again.
std::shared_ptr<grpc::ServerCredentials> TlsOf(const TlsFiles& files) {
  const auto seconds =
      static_cast<unsigned>(std::max<int64_t>(1, absl::ToInt64Seconds(files.reread)));
  grpc::experimental::TlsServerCredentialsOptions options(
      std::make_shared<grpc::experimental::FileWatcherCertificateProvider>(
          files.key, files.certificate, files.authority, seconds));
  options.watch_root_certs();
  options.watch_identity_key_cert_pairs();
  options.set_cert_request_type(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  return grpc::experimental::TlsServerCredentials(options);
}

// For connections between machines: one whose other end is gone is noticed; one that is old is made
// anew, so that calls reach servers that were added and certificates are checked again.
void KeepAlive(grpc::ServerBuilder& builder) {
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 20'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS, 10 * 60'000);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, 60'000);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kLargestMetadata);
}

class GrpcServer final : public Server {
 public:
  GrpcServer(telemetry::Log& log, telemetry::MetricsRegistry& metrics)
      : log_(log), metrics_(metrics), observer_(log, metrics) {}
  ~GrpcServer() override { Stop(absl::Now()); }

  absl::Status Open(const std::vector<grpc::Service*>& services, const Options& options) {
    grpc::EnableDefaultHealthCheckService(true);
    static const bool kReflects =
        (grpc::reflection::InitProtoReflectionServerBuilderPlugin(), true);
    (void)kReflects;
    grpc::ServerBuilder builder;
    builder.SetMaxReceiveMessageSize(kLargestRequest);
    for (grpc::Service* service : services) builder.RegisterService(service);
    // Threads that have answered wait for the next call: with fewer places to wait they would end,
    // and others be started, several times a second.
    builder.SetSyncServerOption(grpc::ServerBuilder::SyncServerOption::MAX_POLLERS, kIdleThreads);
    grpc::ResourceQuota quota("cleanmail");
    quota.SetMaxThreads(options.threads);
    builder.SetResourceQuota(quota);
    std::vector<std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
        interceptors;
    interceptors.push_back(std::make_unique<CallObservers>(observer_));
    builder.experimental().SetInterceptorCreators(std::move(interceptors));
    int bound = 1;
    if (!options.socket_path.empty()) {
      if (options.socket_path.size() >= sizeof(sockaddr_un::sun_path)) {
        return absl::InvalidArgumentError(base::Cat(
            "the socket ", options.socket_path, " has a path longer than a socket may have (",
            sizeof(sockaddr_un::sun_path) - 1,
            " bytes); set app.rpc.socket to a shorter absolute path"));
      }
      builder.AddListeningPort(base::Cat("unix:", options.socket_path),
                               grpc::InsecureServerCredentials(), &bound);
    }
    if (!options.listen.empty()) {
      const auto credentials = TlsOf(options.identity->files());
      credentials->SetAuthMetadataProcessor(
          MakeGate(options.identity->files().trust_domain, log_, metrics_));
      KeepAlive(builder);
      builder.AddListeningPort(options.listen, credentials, &port_);
    }
    server_ = builder.BuildAndStart();
    if (!options.listen.empty() && port_ == 0) {
      server_.reset();
      return absl::UnavailableError(
          base::Cat("app.rpc.listen: ", options.listen, " cannot be listened at: is it taken?"));
    }
    if (server_ == nullptr || bound == 0) {
      return absl::UnavailableError(
          base::Cat("the socket ", options.socket_path,
                    " cannot be made: is its folder writable, is there another process on it?"));
    }
    if (!options.socket_path.empty() && chmod(options.socket_path.c_str(), 0600) != 0) {
      return absl::UnavailableError(
          base::Cat("the socket ", options.socket_path, " cannot be closed to others"));
    }
    socket_path_ = options.socket_path;
    return absl::OkStatus();
  }

  std::shared_ptr<grpc::ChannelInterface> InProcessChannel() override {
    return server_->InProcessChannel({});
  }

  int port() const override { return port_; }

  void SetServing(const std::string& name, bool serving) override {
    if (auto* health = server_->GetHealthCheckService(); health != nullptr)
      health->SetServingStatus(name, serving);
  }

  void Stop(absl::Time deadline) override {
    if (server_ == nullptr || stopped_) return;
    stopped_ = true;
    server_->Shutdown(absl::ToChronoTime(deadline));
    server_->Wait();
    if (!socket_path_.empty()) unlink(socket_path_.c_str());
  }

 private:
  telemetry::Log& log_;
  telemetry::MetricsRegistry& metrics_;
  Observer observer_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  std::string socket_path_;
  bool stopped_ = false;
};

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::ChannelInterface>> LocalChannels::ChannelTo(
    std::string_view service, absl::Time deadline) {
  absl::MutexLock lock(&mutex_);
  mutex_.AwaitWithDeadline(absl::Condition(this, &LocalChannels::Decided), deadline);
  if (channel_ == nullptr)
    return absl::UnavailableError(
        base::Cat("nobody serves ", service, closed_ ? " any more" : " yet"));
  return channel_;
}

absl::StatusOr<Channels::Spoken> LocalChannels::ChannelFor(const std::string& method,
                                                           const Caller& caller,
                                                           absl::Time deadline) {
  CLEANMAIL_ASSIGN_OR_RETURN(auto channel, ChannelTo(method, deadline));
  return Spoken{.channel = std::move(channel),
                .key = kCallerKey,
                .value = ToProto(caller).SerializeAsString()};
}

void LocalChannels::Open(std::shared_ptr<grpc::ChannelInterface> channel) {
  absl::MutexLock lock(&mutex_);
  channel_ = std::move(channel);
}

void LocalChannels::Close() {
  absl::MutexLock lock(&mutex_);
  channel_ = nullptr;
  closed_ = true;
}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const std::vector<grpc::Service*>& services,
                                                      Options options, telemetry::Log& log,
                                                      telemetry::MetricsRegistry& metrics) {
  auto server = std::make_unique<GrpcServer>(log, metrics);
  CLEANMAIL_RETURN_IF_ERROR(server->Open(services, options));
  return server;
}

std::shared_ptr<grpc::ChannelInterface> ChannelToSocket(const std::string& socket_path) {
  return grpc::CreateChannel(base::Cat("unix:", socket_path), grpc::InsecureChannelCredentials());
}

}  // namespace cleanmail::rpc
