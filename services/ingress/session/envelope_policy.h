#pragma once

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/cleanmail/policy/v1/policy.pb.h"

namespace cleanmail::ingress {

// Whom the session asks whether a sender may write to recipients. Thread-safe.
class EnvelopePolicy {
 public:
  virtual ~EnvelopePolicy() = default;
  // `done` is called exactly once, on any thread, at the latest soon after the deadline.
  virtual void Evaluate(
      policy::v1::EvaluateEnvelopeRequest request, absl::Time deadline, std::string trace,
      absl::AnyInvocable<void(absl::StatusOr<policy::v1::EvaluateEnvelopeResponse>) &&> done) = 0;
};

}  // namespace cleanmail::ingress
