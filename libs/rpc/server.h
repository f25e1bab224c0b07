#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/rpc/identity.h"
#include "libs/rpc/peers.h"
#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics.h"

namespace grpc {
class Service;
}

namespace cleanmail::rpc {

// Channels to the one server of this process. Made before it, so that rooms can hold Peers from the
// start. Thread-safe.
class LocalChannels final : public Channels {
 public:
  absl::StatusOr<std::shared_ptr<grpc::ChannelInterface>> ChannelTo(std::string_view service,
                                                                    absl::Time deadline) override;
  absl::StatusOr<Spoken> ChannelFor(const std::string& method, const Caller& caller,
                                    absl::Time deadline) override;
  void Open(std::shared_ptr<grpc::ChannelInterface> channel);
  // From now on there is no server: calls wait for none.
  void Close();

 private:
  bool Decided() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return channel_ != nullptr || closed_;
  }
  absl::Mutex mutex_;
  std::shared_ptr<grpc::ChannelInterface> channel_
      ABSL_GUARDED_BY(mutex_);  // gRPC's own way of holding channels
  bool closed_ ABSL_GUARDED_BY(mutex_) = false;
};

// The process's gRPC server: in-process for the rooms, a unix socket for the command line, mutual
// TLS for rooms of other processes (gate.h decides on their calls), with health and reflection.
// Calls are counted, timed and, when they fail, logged. Thread-safe.
class Server {
 public:
  struct Options {
    // Made with mode 0600 and removed at the end; empty: in-process only. The folder must be closed
    // to others.
    std::string socket_path = {};
    int threads = 64;  // calls handled at once, at most
    // `address:port` for other processes, with `identity`'s certificate; empty: none. Port 0: any.
    std::string listen = {};
    Identity* identity = nullptr;
  };
  // InvalidArgument: the path is too long for a socket. Unavailable: it cannot be made there, or
  // the port is taken. Services, identity, log and metrics outlive it.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const std::vector<grpc::Service*>& services,
                                                       Options options, telemetry::Log& log,
                                                       telemetry::MetricsRegistry& metrics);
  virtual ~Server() = default;

  virtual std::shared_ptr<grpc::ChannelInterface> InProcessChannel() = 0;
  // Of `listen`; 0 without.
  virtual int port() const = 0;
  // What grpc.health.v1 says of a room ("quarantine"), or of the process ("").
  virtual void SetServing(const std::string& name, bool serving) = 0;
  // Takes no new calls, lets those in hand end until `deadline`, then cancels them. Idempotent.
  virtual void Stop(absl::Time deadline) = 0;
};

// A channel to another process's socket, for the command line.
std::shared_ptr<grpc::ChannelInterface> ChannelToSocket(const std::string& socket_path);

}  // namespace cleanmail::rpc
