#pragma once

#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/store/blob/blob_store.h"
#include "libs/store/spool/spool.h"

namespace cleanmail::blob {

struct SpoolBlobOptions {
  absl::Duration body_life = absl::Hours(8 * 24);
  // Create answers ResourceExhausted while less than this is free.
  int64_t min_free_bytes = 0;
  // Memory for bodies that were written in the last seconds, unsealed.
  size_t recent_bytes = 32 << 20;
};

// Bodies in the spool, in sealed chunks of 64 KiB. Chunks before the last are applied as they come;
// the last one travels in the batch of the event that names the body. What is lent must outlive the
// store; writers must not outlive it.
class SpoolBlobStore final : public BlobStore {
 public:
  static std::unique_ptr<SpoolBlobStore> Create(spool::Spool& spool, TenantKeys& keys,
                                                const base::Clock& clock, base::Random& random,
                                                SpoolBlobOptions options = {});
  ~SpoolBlobStore() override;

  absl::StatusOr<std::unique_ptr<Writer>> Create(const BlobName& name) override;
  bool CreatesAtOnce(std::string_view tenant) override;
  absl::StatusOr<std::string> Read(const BlobName& name) override;
  std::optional<std::string> ReadAtHand(const BlobName& name) override;
  absl::Status Extend(const BlobName& name, std::string_view holder, absl::Time until) override;
  absl::Status Forget(const BlobName& name) override;
  absl::StatusOr<int64_t> Sweep() override;

 private:
  struct Impl;
  explicit SpoolBlobStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cleanmail::blob
