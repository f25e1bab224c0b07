#pragma once

#include <memory>
#include <string>

#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/store/blob/blob_store.h"

namespace cleanmail::blob {

struct S3Options {
  std::string endpoint = {};  // "https://s3.example.org", with a port if need be
  std::string region = "us-east-1";
  std::string bucket = {};  // made when it is not there and the key may
  std::string access_key = {};
  std::string secret_key = {};
  std::string session_token = {};
  std::string ca_file = {};                     // PEM; empty: the system's certificates
  absl::Duration deadline = absl::Seconds(15);  // of a call with all its tries
  absl::Duration attempt = absl::Seconds(5);    // of one try, and a second more per MiB
  absl::Duration body_life = absl::Hours(8 * 24);
  int threads = 16;                // calls at once
  int64_t most_bytes = 256 << 20;  // of bodies in memory on their way
  int64_t part_bytes = 5 << 20;    // longer bodies go in parts; at least 5 MiB
  int64_t most_swept = 50'000;     // bodies deleted by one Sweep
};

// Bodies in a bucket, in the same sealed chunks as in the spool, one behind the other in one object
// (s3_names.h says how it is named). What is lent must outlive the store; writers and what they
// finish must not outlive it. Writers never wait for the network: threads of the store do.
class S3BlobStore final : public BlobStore {
 public:
  // Unavailable: the store does not answer. FailedPrecondition: it refuses us, or there is no
  // bucket and none can be made.
  static absl::StatusOr<std::unique_ptr<S3BlobStore>> Create(S3Options options, TenantKeys& keys,
                                                             const base::Clock& clock,
                                                             base::Random& random);
  // Ends what was begun.
  ~S3BlobStore() override;

  // Also Unavailable: too many bytes are on their way.
  absl::StatusOr<std::unique_ptr<Writer>> Create(const BlobName& name) override;
  absl::StatusOr<std::string> Read(const BlobName& name) override;
  absl::Status Extend(const BlobName& name, std::string_view holder, absl::Time until) override;
  absl::Status Forget(const BlobName& name) override;
  // Several processes may sweep at once; a body two of them delete is counted by both.
  absl::StatusOr<int64_t> Sweep() override;
  // Why the store did not answer lately; OK when it did the last time it was asked.
  absl::Status Health() const;

 private:
  struct Impl;
  explicit S3BlobStore(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace cleanmail::blob
