#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/outbox/outbox.h"
#include "libs/store/blob/blob_store.h"
#include "services/quarantine/metrics.h"
#include "services/quarantine/store.h"

namespace cleanmail::quarantine {

// How long things take.
struct HoldTimes {
  absl::Duration life = absl::Hours(720);
  absl::Duration rescan_interval = absl::Hours(1);
};

// Which message, whose. `tenant` empty: whichever tenant's (operators).
struct HoldName {
  std::string tenant;
  std::string message;
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
        base::Random& random, HoldTimes times, Metrics& metrics)
      : store_(store),
        outbox_(outbox),
        blobs_(blobs),
        clock_(clock),
        random_(random),
        times_(times),
        metrics_(metrics) {}

  // Takes messages; `held_at_us`, `expires_at_us` and `rescan_at_us` are filled in. All in one
  // transaction.
  absl::Status Hold(std::vector<HoldRow> holds);
  // What a further scan said: recipients still held are released where the decision is to deliver,
  // else the reason is renewed.
  absl::Status ApplyRescans(std::span<const Rescan> rescans);
  // What became of released recipients.
  absl::Status ApplyDeliveries(std::span<const DeliveryNews> news);

  // Lets a message go to `recipients` (empty: all still held). Recipients released before stay as
  // they are.
  absl::StatusOr<HoldRow> Release(const HoldName& name, std::vector<std::string> recipients,
                                  std::string_view by);
  // Ends a hold; recipients released before stay as they are.
  absl::StatusOr<HoldRow> Delete(const HoldName& name, std::string_view by);
  absl::StatusOr<HoldRow> Get(const HoldName& name);
  absl::StatusOr<std::vector<HoldRow>> List(std::string_view tenant, bool only_held,
                                            std::string_view after, int32_t limit);

  // Ends what is overdue; called by a timer.
  absl::Status ExpireOverdue();
  // Asks for rescans that are due; called by a timer.
  absl::Status RequestRescans();

 private:
  absl::Status ReleaseIn(sql::Session& session, const HoldRow& hold,
                         const std::vector<std::string>& recipients, std::string_view by);

  Store& store_;
  outbox::Outbox& outbox_;
  blob::BlobStore& blobs_;
  base::Clock& clock_;
  base::Random& random_;
  const HoldTimes times_;
  Metrics& metrics_;
};

}  // namespace cleanmail::quarantine
