#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/outbox/outbox.h"
#include "libs/store/blob/blob_store.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "services/quarantine/metrics.h"
#include "services/quarantine/settings/store.h"
#include "services/quarantine/store.h"

namespace cleanmail::quarantine {

// Which message, and what of it the caller sees. `tenant` empty: whichever tenant's.
struct HoldName {
  std::string tenant;
  std::string message;
  authz::Visible visible = {.all_tenants = true, .all_domains = true};
  bool sees_unlisted = true;
};

// What is to be let go, and how.
struct ReleaseOptions {
  std::vector<std::string> recipients = {};  // empty: all still held that the caller sees
  std::string by = {};
  bool is_user = false;      // malware and what could not be scanned are not for users
  bool accept_risk = false;  // nor for anybody who does not accept the risk
  bool rescan = false;       // only when a further scan finds no malware
};

// A further scan's say on a held message.
struct Rescan {
  mail::v1::Message message;
  int32_t generation = 2;
  double score = 0;
  std::vector<mail::v1::Finding> findings;
  std::vector<mail::v1::RecipientGroup> groups;
};

// What egress says of one recipient.
struct DeliveryNews {
  std::string message;
  std::string address;
  bool delivered = false;  // else refused or expired for good
  std::string reply;
};

// Holds messages, lets them go, ends them. Its events leave by the outbox, in the transaction of
// the rows. Thread-safe; everything may be called twice with the same effect as once.
class Holds {
 public:
  Holds(Store& store, outbox::Outbox& outbox, blob::BlobStore& blobs, base::Clock& clock,
        base::Random& random, Settings& settings, absl::Duration rescan_interval, Metrics& metrics)
      : store_(store),
        outbox_(outbox),
        blobs_(blobs),
        clock_(clock),
        random_(random),
        settings_(settings),
        rescan_interval_(rescan_interval),
        metrics_(metrics) {}

  // Takes messages; `held_at_us`, `expires_at_us` and `rescan_at_us` are filled in. All in one
  // transaction.
  absl::Status Hold(std::vector<HoldRow> holds);
  // What a further scan said: recipients still held are released where the decision is to deliver,
  // else the reason is renewed.
  absl::Status ApplyRescans(std::span<const Rescan> rescans);
  // What became of released recipients.
  absl::Status ApplyDeliveries(std::span<const DeliveryNews> news);

  // Lets a message go. Recipients released before stay as they are. NotFound in the words of
  // authz::NoSuchResource; PermissionDenied, reason NOT_FOR_USERS; FailedPrecondition, reason
  // RISK_NOT_ACCEPTED.
  absl::StatusOr<HoldRow> Release(const HoldName& name, const ReleaseOptions& options);
  // The same for many in one transaction; a status for each, in order. What failed is as it was.
  absl::StatusOr<std::vector<absl::Status>> ReleaseEach(
      const std::vector<std::pair<HoldName, ReleaseOptions>>& items);
  // Ends a hold for `recipients` (empty: all that the caller sees); those released before stay as
  // they are.
  absl::StatusOr<HoldRow> Delete(const HoldName& name, const std::vector<std::string>& recipients,
                                 std::string_view by);
  absl::StatusOr<HoldRow> Get(const HoldName& name);
  // What Release would refuse, as the hold is now.
  static absl::Status CheckRelease(const HoldRow& hold, const ReleaseOptions& options);
  // Get, and notes who saw it first; `by` empty: nobody.
  absl::StatusOr<HoldRow> See(const HoldName& name, std::string_view by,
                              std::vector<HistoryRow>* history);
  // Sets note and assignment. Aborted, reason ETAG_MISMATCH, unless `version` is 0 or the hold's.
  absl::StatusOr<HoldRow> Annotate(const HoldName& name, std::optional<std::string> note,
                                   std::optional<std::string> assigned_to, int64_t version,
                                   std::string_view by);
  // Newest first, older than the message `after`.
  absl::StatusOr<std::vector<HoldRow>> List(const HoldQuery& query, std::string_view after,
                                            int32_t limit);

  // Ends what is overdue; called by a timer.
  absl::Status ExpireOverdue();
  // Asks for rescans that are due; called by a timer.
  absl::Status RequestRescans();

 private:
  absl::Status ReleaseIn(sql::Session& session, const HoldRow& hold,
                         const std::vector<std::string>& recipients, std::string_view by);
  absl::Status ReleaseOne(sql::Session& session, const HoldName& name,
                          const ReleaseOptions& options);
  absl::Status TellEnd(sql::Session& session, const HoldRow& hold,
                       std::vector<std::string> recipients, v1::HoldEnd end, std::string_view by);
  absl::Status AskRescan(sql::Session& session, const HoldRow& hold,
                         const std::vector<std::string>& recipients, std::string_view by);
  absl::Status ApplyRescan(sql::Session& session, const Rescan& rescan, HoldRow& hold);
  HistoryRow Done(std::string_view what, std::string_view by, std::string_view recipient = {});

  Store& store_;
  outbox::Outbox& outbox_;
  blob::BlobStore& blobs_;
  base::Clock& clock_;
  base::Random& random_;
  Settings& settings_;
  const absl::Duration rescan_interval_;
  Metrics& metrics_;
};

}  // namespace cleanmail::quarantine
