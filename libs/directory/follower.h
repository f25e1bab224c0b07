#pragma once

#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/bus/bus.h"
#include "libs/directory/directory.h"
#include "libs/rpc/peers.h"

namespace cleanmail::directory {

// Fills a directory from provisioning's snapshot and keeps it fresh from the bus. Whoever builds
// the process calls Fill until it returns OK. All that is lent outlives it.
class Follower {
 public:
  Follower(bus::Bus& bus, rpc::Peers& peers, Directory& directory);
  ~Follower();  // stops following

  // Takes the snapshot and begins to follow; the directory is complete once the changes up to now
  // have been applied, which may be a little later. Unavailable: try again. Not thread-safe.
  // Calling again after OK does nothing.
  absl::Status Fill(absl::Time deadline);

 private:
  absl::Status TakeSnapshot(absl::Time deadline, int64_t& position);
  bus::Bus& bus_;
  rpc::Peers& peers_;
  Directory& directory_;
  std::unique_ptr<bus::Subscription> subscription_;
};

}  // namespace cleanmail::directory
