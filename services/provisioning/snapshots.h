#pragma once

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "libs/base/random.h"
#include "libs/bus/bus.h"
#include "proto/cleanmail/provisioning/v1/provisioning.pb.h"
#include "services/provisioning/store.h"

namespace cleanmail::provisioning {

// What other rooms are told of the whole: the directory to begin with, and the tenants' keys.
// Thread-safe.
class Snapshots {
 public:
  // All outlive it. `master_key` wraps the tenants' keys.
  Snapshots(Store& store, bus::Bus& bus, base::Random& random, std::string master_key)
      : store_(store), bus_(bus), random_(random), master_key_(std::move(master_key)) {}

  // One page of everything; `key` empty for the first. `next_key` is empty on the last.
  struct Part {
    v1::SnapshotResponse content;
    std::string next_key;
  };
  absl::StatusOr<Part> Read(std::string_view key);

  // The key a tenant's bodies are sealed under: 32 bytes, made on first use. NotFound for an
  // unknown tenant.
  absl::StatusOr<std::string> TenantKey(std::string_view tenant);

 private:
  Store& store_;
  bus::Bus& bus_;
  base::Random& random_;
  const std::string master_key_;
};

}  // namespace cleanmail::provisioning
