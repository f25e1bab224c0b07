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
#include "libs/rpc/caller.h"

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
  // To `package.Service` or `/package.Service/Method`, for calls a room makes for itself. In one
  // process waits at most until `deadline` for the server to be there, Unavailable otherwise. May
  // give another channel later (certificates change): ask for each call.
  virtual absl::StatusOr<std::shared_ptr<grpc::ChannelInterface>> ChannelTo(
      std::string_view service, absl::Time deadline) = 0;

  // A channel for one call on behalf of somebody, and the metadata that says so.
  struct Spoken {
    std::shared_ptr<grpc::ChannelInterface> channel;  // gRPC's own way of holding channels
    std::string key;
    std::string value;
  };
  // For `/package.Service/Method`.
  virtual absl::StatusOr<Spoken> ChannelFor(const std::string& method, const Caller& caller,
                                            absl::Time deadline) = 0;
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

// A promise of a stub: resolved when it calls, so that the order rooms start in never matters.
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
    absl::StatusOr<std::shared_ptr<typename Service::Stub>> stub = shared_->Get(options.deadline);
    if (!stub.ok()) return stub.status();
    CallContext context(options.deadline, options.trace);
    Response response;
    absl::Status status = StatusOf(((**stub).*method)(context.get(), request, &response));
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
    absl::StatusOr<std::shared_ptr<typename Service::Stub>> stub = shared_->Get(options.deadline);
    if (!stub.ok()) {
      std::move(done)(absl::StatusOr<Response>(stub.status()));
      return;
    }
    struct Pending {
      std::shared_ptr<typename Service::Stub> stub;
      Request request;
      CallContext context;
      Done done;
      Response response;
    };
    // shared_ptr because std::function must be able to copy what it holds.
    auto pending = std::make_shared<Pending>(Pending{*stub, std::move(request),
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
    absl::StatusOr<std::shared_ptr<typename Service::Stub>> Get(absl::Time deadline) {
      auto now = channels.ChannelTo(Service::service_full_name(), deadline);
      if (!now.ok()) return now.status();
      absl::MutexLock lock(&mutex);
      if (stub == nullptr || channel != *now) {
        channel = *now;
        stub = Service::NewStub(*std::move(now));
      }
      return stub;
    }
    Channels& channels;
    absl::Mutex mutex;
    std::shared_ptr<grpc::ChannelInterface> channel ABSL_GUARDED_BY(mutex);  // of `stub`
    // shared_ptr because a call may still use one that has been replaced.
    std::shared_ptr<typename Service::Stub> stub ABSL_GUARDED_BY(mutex);
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
