#pragma once

#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/cleanmail/policy/v1/policy.pb.h"

// Whom a session asks while its client waits. Each `done` is called exactly once, on any thread, at
// the latest soon after the deadline.
namespace cleanmail::ingress {

// What a question carries.
struct Asking {
  absl::Time deadline;
  std::string trace;  // W3C traceparent
};

// Whether mail may come in, by the tenants' rules. Thread-safe.
class MailPolicy {
 public:
  template <class T>
  using Done = absl::AnyInvocable<void(absl::StatusOr<T>) &&>;

  virtual ~MailPolicy() = default;
  // May this sender write to these recipients?
  virtual void EvaluateEnvelope(policy::v1::EvaluateEnvelopeRequest request, Asking asking,
                                Done<policy::v1::EvaluateEnvelopeResponse> done) = 0;
  // May a message with this header stay?
  virtual void EvaluateHeaders(policy::v1::EvaluateHeadersRequest request, Asking asking,
                               Done<policy::v1::EvaluateHeadersResponse> done) = 0;
};

// What the destination of a domain says of a recipient.
enum class Existence { kExists, kDoesNotExist, kUnknown };

struct RecipientAnswer {
  Existence existence = Existence::kUnknown;
  std::string reply;  // the destination's words
};

// Knows, or finds out, whether a destination knows a recipient. Thread-safe.
class RecipientCheck {
 public:
  virtual ~RecipientCheck() = default;
  virtual void Check(std::string tenant, std::string address, Asking asking,
                     absl::AnyInvocable<void(absl::StatusOr<RecipientAnswer>) &&> done) = 0;
};

}  // namespace cleanmail::ingress
