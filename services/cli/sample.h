#pragma once

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cleanmail::cli {

// What a sample mail carries.
enum class Sample { kClean, kGtube, kEicar };

struct SampleOptions {
  Sample sample = Sample::kClean;
  std::string server = "127.0.0.1:2525";  // address:port
  std::string from = "sender@example.net";
  std::string to = "ann@example.org";
  std::string subject = {};  // empty: one that fits the sample
  bool bdat = false;         // CHUNKING instead of DATA
  bool smtp_utf8 = false;    // SMTPUTF8, with a subject to match
};

// The mail itself, CRLF.
std::string MakeSample(const SampleOptions& options, absl::Time now);

// Sends it by SMTP; returns the server's last reply. Unavailable when there is no server;
// FailedPrecondition when it refuses.
absl::StatusOr<std::string> SendSample(const SampleOptions& options, absl::Time now);

}  // namespace cleanmail::cli
