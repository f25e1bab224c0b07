#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

// Light on purpose (libs/app/environment.h includes it): who makes a call includes the callee's
// generated header as well.
namespace grpc {
class ChannelInterface;
class ClientContext;
class Status;
}  // namespace grpc

namespace cleanmail::rpc {

// Gives the channel to whoever serves a gRPC service. Thread-safe.
class Channels {
 public:
  virtual ~Channels() = default;
  // Waits at most until `deadline` for the server to be there. Unavailable otherwise.
  virtual absl::StatusOr<std::shared_ptr<grpc::ChannelInterface>> ChannelTo(
      std::string_view service, absl::Time deadline) = 0;
};

// What one call carries: deadline, trace context. Made and owned in peers.cc, where gRPC's header
// is.
class CallContext {
 public:
  CallContext(absl::Time deadline, std::string_view trace);
  ~CallContext();
  grpc::ClientContext* get() { return context_.get(); }

 private:
  std::shared_ptr<grpc::ClientContext>
      context_;  // shared_ptr because it can hold a type that is incomplete here
};

// FromGrpc of libs/rpc/answer.h.
absl::Status StatusOf(const grpc::Status& status);

// A promise of a stub: resolved at its first call, so that the order rooms start in never matters.
// Thread-safe.
//   rpc::Peer<policy::v1::PolicyService> policy = env.peers().To<policy::v1::PolicyService>();
//   CLEANMAIL_ASSIGN_OR_RETURN(auto answer,
//   policy.Call(&policy::v1::PolicyService::Stub::EvaluateEnvelope, request,
//                                                       {.deadline = …, .trace = …}));
template <class Service>
class Peer {
 public:
  explicit Peer(Channels& channels) : shared_(std::make_shared<Shared>(channels)) {}

  struct Options {
    absl::Time deadline;          // obligatory
    std::string_view trace = {};  // W3C traceparent to pass on
  };

  // Calls and waits. Unavailable, DeadlineExceeded: try again if the method may be repeated.
  template <class Request, class Response>
  absl::StatusOr<Response> Call(grpc::Status (Service::Stub::*method)(grpc::ClientContext*,
                                                                      const Request&, Response*),
                                const Request& request, const Options& options) {
    absl::StatusOr<typename Service::Stub*> stub = shared_->Get(options.deadline);
    if (!stub.ok()) return stub.status();
    CallContext context(options.deadline, options.trace);
    Response response;
    absl::Status status = StatusOf(((*stub)->*method)(context.get(), request, &response));
    if (!status.ok()) return status;
    return response;
  }

  // Calls and comes back at once; `done(absl::StatusOr<Response>)` is called exactly once, on a
  // thread of gRPC's: do little there. The first call of a process may wait for the server to be
  // there.
  //   policy.CallLater(&policy::v1::PolicyService::StubInterface::async_interface::EvaluateEnvelope,
  //   request, {…}, done);
  template <class Request, class Response, class Done>
  void CallLater(void (Service::StubInterface::async_interface::*method)(
                     grpc::ClientContext*, const Request*, Response*,
                     std::function<void(grpc::Status)>),
                 Request request, const Options& options, Done done) {
    absl::StatusOr<typename Service::Stub*> stub = shared_->Get(options.deadline);
    if (!stub.ok()) {
      std::move(done)(absl::StatusOr<Response>(stub.status()));
      return;
    }
    struct Pending {
      Request request;
      CallContext context;
      Done done;
      Response response;
    };
    // shared_ptr because std::function must be able to copy what it holds.
    auto pending = std::make_shared<Pending>(Pending{std::move(request),
                                                     CallContext(options.deadline, options.trace),
                                                     std::move(done), Response()});
    ((*stub)->async()->*method)(
        pending->context.get(), &pending->request, &pending->response, [pending](auto status) {
          absl::Status converted = StatusOf(status);
          if (converted.ok())
            return std::move(pending->done)(absl::StatusOr<Response>(std::move(pending->response)));
          std::move(pending->done)(absl::StatusOr<Response>(std::move(converted)));
        });
  }

 private:
  struct Shared {
    explicit Shared(Channels& c) : channels(c) {}
    absl::StatusOr<typename Service::Stub*> Get(absl::Time deadline) {
      absl::MutexLock lock(&mutex);
      if (stub == nullptr) {
        auto channel = channels.ChannelTo(Service::service_full_name(), deadline);
        if (!channel.ok()) return channel.status();
        stub = Service::NewStub(*std::move(channel));
      }
      return stub.get();
    }
    Channels& channels;
    absl::Mutex mutex;
    std::unique_ptr<typename Service::Stub> stub ABSL_GUARDED_BY(mutex);
  };
  std::shared_ptr<Shared> shared_;  // copies of a Peer share one stub
};

// The services this process may call. Thread-safe.
class Peers {
 public:
  explicit Peers(Channels& channels) : channels_(channels) {}
  template <class Service>
  Peer<Service> To() {
    return Peer<Service>(channels_);
  }
  // For forward.h.
  Channels& channels() { return channels_; }

 private:
  Channels& channels_;
};

}  // namespace cleanmail::rpc
