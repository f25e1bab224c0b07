#pragma once

#include <span>
#include <vector>

#include "absl/status/status.h"
#include "libs/store/blob/blob_store.h"
#include "libs/telemetry/log.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "services/scanner/learning/lessons.h"

namespace cleanmail::scanner::learning {

// What lessons from releases are made with.
struct ReleaseParts {
  Lessons& lessons;
  blob::BlobStore& blobs;
  telemetry::Log& log;
};

// Mail that was held as spam and that somebody released is ham to his tenant. Mail that was held
// for other reasons says nothing. A status for each: Unavailable where it shall come again; what
// cannot be learnt from is passed over.
std::vector<absl::Status> OnReleased(const ReleaseParts& parts,
                                     std::span<const quarantine::v1::MailReleased> batch);

}  // namespace cleanmail::scanner::learning
