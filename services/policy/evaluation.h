#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/directory/directory.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::policy {

// What a message is and what was found in it.
struct Case {
  const mail::v1::Message& message;
  const std::vector<mail::v1::Finding>& findings;
  double score = 0;
};

// Decides by the rules of the message's tenant. Thread-safe.
class Evaluation {
 public:
  explicit Evaluation(const directory::Directory& directory) : directory_(directory) {}

  // Every recipient of the message in exactly one group. Unavailable until the directory is complete.
  absl::StatusOr<std::vector<mail::v1::RecipientGroup>> Dispose(const Case& scanned) const;

  // Whether the directory can be trusted to know every tenant.
  bool ready() const { return directory_.complete(); }

 private:
  const directory::Directory& directory_;
};

}  // namespace cleanmail::policy
