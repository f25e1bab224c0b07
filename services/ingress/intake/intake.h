#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/bus/bus.h"
#include "libs/mail/mime/decoded_fields.h"
#include "libs/mail/mime/header_block.h"
#include "libs/store/blob/blob_store.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::ingress {

// A recipient that was accepted, and whose it is.
struct Addressee {
  std::string address;  // canonical text
  std::string tenant;
  std::optional<mail::v1::RecipientDsn> dsn = {};  // what came with it; its address is left empty
};

// A header field that somebody wants to be asked about.
struct HeaderTrigger {
  std::string name;      // without regard to case; empty: every message is to be asked about
  std::string contains;  // part of the value, without regard to ASCII case; empty: any
  bool operator==(const HeaderTrigger&) const = default;
};

// What is known of a message when its first byte comes.
struct Arrival {
  mail::v1::SessionFacts session;
  mail::v1::Direction direction = mail::v1::DIRECTION_INBOUND;
  std::string sender;
  bool smtp_utf8 = false;
  bool eight_bit = false;
  std::string dsn_return = {};  // RFC 3461: "FULL", "HDRS" or empty
  std::string dsn_envelope_id = {};
  std::string protocol;  // for the Received line: SMTP, ESMTP, ESMTPS, UTF8SMTP, UTF8SMTPS (RFC
                         // 3848, RFC 6531)
  std::vector<Addressee> recipients;  // at least one
  std::optional<mail::v1::SpfVerdict> spf = {};
  std::optional<mail::v1::DoorFacts> door = {};
  std::vector<HeaderTrigger> triggers;
  size_t scan_bytes = 0;  // a message up to this size is kept in memory for ToScan
  std::string trace;
};

// A message as a scanner takes it.
struct Scannable {
  mail::v1::Message message;
  std::string content;
};

// One message on its way in: for each tenant among its recipients one body and one event. Not
// thread-safe; may be dropped at any time before Finish's answer, and then perhaps nothing, perhaps
// all of the message is kept, as after a lost connection.
class Reception {
 public:
  struct Receipt {
    std::vector<std::string> ids;  // one for each tenant
    int64_t bytes = 0;
  };

  virtual ~Reception() = default;
  // Takes content (copied or sealed before it returns). False: call WhenReady before more.
  virtual bool Append(std::string_view content) = 0;
  // `ready` is called once there is room again, perhaps at once, on any thread.
  virtual void WhenReady(absl::AnyInvocable<void(bool) &&> ready) = 0;
  // To be asked once all content has come, before Finish: the header if one of the triggers has
  // matched in it, else nothing.
  virtual std::vector<mail::mime::DecodedField> TriggeredHeader() = 0;
  // To be asked once all content has come, before Finish, and once only: the message if it is for
  // one tenant and not above Arrival::scan_bytes.
  virtual std::optional<Scannable> ToScan() = 0;
  // What came of that; goes into the event.
  virtual void SetScan(mail::v1::ScanResult scan) = 0;
  // Bytes taken so far.
  virtual int64_t size() const = 0;
  // Ends the message. `done` is called once, on any thread. OK: every body and every event is
  // durable, together. InvalidArgument: the header cannot be taken. ResourceExhausted: no room.
  // Unavailable: try again. On any error nothing of it is kept.
  virtual void Finish(absl::AnyInvocable<void(absl::StatusOr<Receipt>) &&> done) = 0;
};

struct IntakeOptions {
  std::string host_name;
  mail::mime::HeaderLimits header;
  std::vector<std::string> authserv_ids = {};  // ours, beside host_name (RFC 8601 §2.5)
};

// Keeps what the session accepts: body to blob, event to bus. Puts our Received line on top,
// removes X-Cleanmail-* and Authentication-Results fields that claim to be ours, counts our own
// hops. Thread-safe.
class Intake {
 public:
  Intake(IntakeOptions options, blob::BlobStore& blobs, bus::Bus& bus, base::Clock& clock,
         base::Random& random)
      : options_(std::move(options)), blobs_(blobs), bus_(bus), clock_(clock), random_(random) {}

  // May block while a tenant's key is fetched, unless BeginsAtOnce. Unavailable,
  // ResourceExhausted: as BlobStore::Create.
  absl::StatusOr<std::unique_ptr<Reception>> Begin(Arrival arrival);
  bool BeginsAtOnce(const Arrival& arrival) const;
  // Whether new mail may be taken now.
  absl::Status Accepting() { return bus_.Accepting(); }

 private:
  const IntakeOptions options_;
  blob::BlobStore& blobs_;
  bus::Bus& bus_;
  base::Clock& clock_;
  base::Random& random_;
};

}  // namespace cleanmail::ingress
