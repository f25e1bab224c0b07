#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/rpc/identity.h"
#include "libs/rpc/peers.h"

namespace cleanmail::rpc {

// Channels to rooms wherever they are: those of this process by its own server, others over mutual
// TLS, where the server's certificate must name the very room. A call to one that is not there
// fails Unavailable at once, and the channel tries again by itself, every two seconds at the
// latest. Thread-safe.
class NetworkChannels final : public Channels {
 public:
  struct Options {
    std::vector<std::string> here = {};               // rooms of this process
    std::map<std::string, std::string> targets = {};  // by room; else `dns:///<room>:<port>`
    int port = 7000;
  };
  // Both outlive it.
  NetworkChannels(Options options, Identity& identity, Channels& local);
  ~NetworkChannels() override;

  absl::StatusOr<std::shared_ptr<grpc::ChannelInterface>> ChannelTo(std::string_view service,
                                                                    absl::Time deadline) override;
  absl::StatusOr<Spoken> ChannelFor(const std::string& method, const Caller& caller,
                                    absl::Time deadline) override;

  // Rooms that have been called and cannot be reached now.
  std::vector<std::string> Unreachable();

 private:
  struct Known;
  std::shared_ptr<grpc::ChannelInterface> ChannelWith(
      const std::shared_ptr<const Credentials>& credentials, const std::string& service,
      const std::string& room);
  bool IsHere(const std::string& room) const;

  const Options options_;
  Identity& identity_;
  Channels& local_;
  absl::Mutex mutex_;
  std::map<std::string, Known> known_ ABSL_GUARDED_BY(mutex_);  // by service
};

}  // namespace cleanmail::rpc
