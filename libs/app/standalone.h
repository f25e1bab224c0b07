#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/app/environment.h"
#include "libs/rpc/server.h"

namespace cleanmail::app {

// The environment of a gateway over one data folder: the spool holds events and bodies, SQLite the
// rows. Destroying it closes the stores.
class StandaloneEnvironment : public Environment {
 public:
  // Opens everything. Errors say which part, where and what to do.
  static absl::StatusOr<std::unique_ptr<StandaloneEnvironment>> Open(
      const config::Document& document, const v1::AppConfig& settings);

  // What runs beside the rooms.
  virtual rpc::LocalChannels& channels() = 0;
  // One attempt to fill the directory; OK once it is filled or filling.
  virtual absl::Status FillDirectory() = 0;
  // No more changes of the directory.
  virtual void StopFollowing() = 0;
  // Deletes events and bodies that are over.
  virtual void TrimEvents() = 0;
  virtual void SweepBodies() = 0;
  // What works but should be looked at.
  virtual std::vector<std::string> Warnings() = 0;
};

}  // namespace cleanmail::app
