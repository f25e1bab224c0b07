#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/random.h"
#include "libs/base/recent_failure.h"
#include "libs/http/client.h"
#include "libs/store/blob/s3_listing.h"
#include "libs/store/blob/s3_signature.h"

namespace cleanmail::blob {

struct S3Target {
  std::string endpoint;  // "https://s3.example.org" or with a port; the bucket stands in the path
  std::string region = "us-east-1";
  std::string bucket;
  S3Credentials credentials;
  std::string ca_file = {};  // PEM; empty: the system's certificates
  // A call with all its tries. A try that brings no answer for `attempt` (and a second per MiB) is
  // over.
  absl::Duration deadline = absl::Seconds(15);
  absl::Duration attempt = absl::Seconds(5);
};

// A bucket. Each call tries again, with growing and random pauses, while the store says 5xx or 429,
// cuts the connection or says nothing; at its deadline it ends with Unavailable. Other refusals:
// NotFound, ResourceExhausted (507), FailedPrecondition. A local clock that is wrong is corrected
// by the store's. Thread-safe.
class S3Client {
 public:
  explicit S3Client(S3Target target);

  // FailedPrecondition: the bucket is not there and cannot be made.
  absl::Status MakeBucket();

  absl::Status Put(std::string_view key, std::string body);
  struct Range {
    std::string bytes;
    int64_t total;  // size of the whole object
  };
  // `length` bytes from `offset`, fewer at the end.
  absl::StatusOr<Range> Get(std::string_view key, int64_t offset, int64_t length);
  // OK too when they are not there.
  absl::Status Delete(std::string_view key);
  absl::Status DeleteAll(const std::vector<std::string>& keys);
  struct ListOptions {
    std::string prefix;
    std::string after = {};      // keys behind this one only
    std::string token = {};      // of the page before
    std::string delimiter = {};  // "/": folders below the prefix, not what is in them
  };
  // A page of at most 1000.
  absl::StatusOr<S3Answer> List(const ListOptions& options);

  // An object in parts of at least 5 MiB, but for the last.
  absl::StatusOr<std::string> BeginUpload(std::string_view key);
  // The part's tag.
  absl::StatusOr<std::string> PutPart(std::string_view key, std::string_view upload, size_t number,
                                      std::string body);
  absl::Status CompleteUpload(std::string_view key, std::string_view upload,
                              const std::vector<std::string>& tags);
  absl::Status AbortUpload(std::string_view key, std::string_view upload);
  // Uploads neither completed nor aborted; a page of at most 1000.
  absl::StatusOr<std::vector<S3Upload>> Uploads();

  // Why the last try of a call brought no answer, or "come later"; OK when the store answered.
  absl::Status Health() const { return failure_.Get(); }

 private:
  using Query = std::vector<std::pair<std::string, std::string>>;
  struct Call {
    std::string method;
    std::string key = {};
    Query query = {};
    std::vector<http::Header> headers = {};
    std::string body = {};
  };
  absl::StatusOr<http::ClientResponse> Do(Call call);
  http::ClientRequest Prepared(const Call& call) const;
  void Sign(const Call& call, const std::string& payload_hash, http::ClientRequest& request) const;
  void LearnTime(const http::ClientResponse& response);

  const S3Target target_;
  const std::string host_;
  http::Client http_;
  base::SystemRandom random_;
  base::RecentFailure failure_;
  std::atomic<int64_t> skew_seconds_{0};  // of the store's clock against ours, when it matters
};

}  // namespace cleanmail::blob
