#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"
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
  // May a message that was scanned stay?
  virtual void EvaluateMessage(policy::v1::EvaluateMessageRequest request, Asking asking,
                               Done<policy::v1::EvaluateMessageResponse> done) = 0;
  // May a message with this header stay?
  virtual void EvaluateHeaders(policy::v1::EvaluateHeadersRequest request, Asking asking,
                               Done<policy::v1::EvaluateHeadersResponse> done) = 0;
};

// Says what a message is. Thread-safe.
class MessageScan {
 public:
  virtual ~MessageScan() = default;
  // Unavailable: the message is to be scanned later.
  virtual void Scan(mail::v1::Message message, std::string content, Asking asking,
                    absl::AnyInvocable<void(absl::StatusOr<mail::v1::ScanResult>) &&> done) = 0;
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

// Where a tenant's mail for a domain goes.
struct Destination {
  std::string tenant;
  std::string domain;
};

// What a destination can do, as far as anybody has noticed.
struct DestinationAbilities {
  bool known = false;
  bool smtp_utf8 = false;
  int64_t max_size = 0;  // 0: no limit
};

// Knows what destinations can do. Thread-safe.
class DestinationLore {
 public:
  virtual ~DestinationLore() = default;
  // One answer for each, in order.
  virtual void Describe(
      std::vector<Destination> destinations, Asking asking,
      absl::AnyInvocable<void(absl::StatusOr<std::vector<DestinationAbilities>>) &&> done) = 0;
};

}  // namespace cleanmail::ingress
