#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/store/spool/batch.h"

namespace cleanmail::blob {

// Which body: the tenant's id and the message's id. The blob is named `tenant/message`.
struct BlobName {
  std::string tenant;
  std::string message;
};

// A body that is complete but perhaps not yet kept. Dropping it forgets the body.
class Finished {
 public:
  virtual ~Finished() = default;
  // The changes that would keep it, when it lives in the spool: whoever publishes the event that
  // names the body puts them in the same batch, so that one flush makes both durable. nullopt:
  // already kept elsewhere. May be called once.
  virtual std::optional<spool::Batch> TakeBatch() = 0;
};

// Takes one body's bytes as they come. Not thread-safe. Dropped before Finish, it leaves nothing
// behind that the sweeper will not take.
class Writer {
 public:
  virtual ~Writer() = default;
  // Takes `bytes` (copied or sealed before it returns). False: more should wait until `ready` has
  // been called once (on any thread); it is never called when true is returned.
  virtual bool Append(std::string_view bytes, absl::AnyInvocable<void() &&> ready) = 0;
  // Ends the body. `done` is called exactly once, perhaps before Finish returns, on any thread.
  // Unavailable: the store has failed; ResourceExhausted: it is full. The writer must outlive the
  // call to `done`.
  virtual void Finish(
      absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Finished>>) &&> done) = 0;
};

// Keeps the bytes of bodies, sealed under a key derived from their tenant's (house rule: every body
// lives 8 days with no row written for it; holders extend that; one sweeper deletes). Thread-safe.
class BlobStore {
 public:
  virtual ~BlobStore() = default;
  // A writer for a new body. Unavailable: the tenant's key is not to be had now. ResourceExhausted:
  // the disk is too full.
  virtual absl::StatusOr<std::unique_ptr<Writer>> Create(const BlobName& name) = 0;
  // Whether Create for a tenant waits for nobody: it may be called where nothing may block.
  virtual bool CreatesAtOnce(std::string_view) { return false; }
  // The whole body. NotFound: never kept, or over. DataLoss: what is kept is not what was written.
  // Unavailable: try again.
  virtual absl::StatusOr<std::string> Read(const BlobName& name) = 0;
  // A body that was written moments ago, if it can be had without waiting; nullopt: Read it.
  virtual std::optional<std::string> ReadAtHand(const BlobName&) { return std::nullopt; }
  // Keeps the body at least until `until`; never shortens. `holder` is a room ("quarantine").
  // Idempotent.
  virtual absl::Status Extend(const BlobName& name, std::string_view holder, absl::Time until) = 0;
  // Ends the body now, whoever holds it. Idempotent.
  virtual absl::Status Forget(const BlobName& name) = 0;
  // Deletes what is over; returns how many bodies. Called by one timer.
  virtual absl::StatusOr<int64_t> Sweep() = 0;
};

// Gives the key a tenant's bodies are sealed under. Thread-safe.
class TenantKeys {
 public:
  virtual ~TenantKeys() = default;
  // 32 bytes. NotFound: no such tenant, or its key was destroyed. Unavailable: ask again.
  virtual absl::StatusOr<std::string> KeyOf(std::string_view tenant) = 0;
  // Whether KeyOf answers without waiting.
  virtual bool AtHand(std::string_view) { return false; }
};

}  // namespace cleanmail::blob
