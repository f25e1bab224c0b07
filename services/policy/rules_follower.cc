#include "services/policy/rules_follower.h"

#include "libs/base/status_macros.h"
#include "libs/bus/events.h"

namespace cleanmail::policy {

void RulesFollower::Apply(const bus::Change& change) {
  v1::RulesChanged event;
  absl::Status status = absl::DataLossError("the event's bytes are not its type");
  if (change.tombstone) {
    event.set_name(change.key);
    event.set_deleted(true);
    status = book_.Apply(event);
  } else if (event.ParseFromString(change.payload)) {
    status = book_.Apply(event);
  }
  if (status.ok()) {
    metrics_.rules_changed.Add();
    return;
  }
  metrics_.rules_broken.Add();
  log_.Error("policy.rules.broken", {{"name", change.key}, {"why", status.ToString()}});
}

absl::Status RulesFollower::Start() {
  const std::string topic = bus::TopicOf(*v1::RulesChanged::descriptor()).name;
  CLEANMAIL_ASSIGN_OR_RETURN(const int64_t newest, bus_.NewestPosition(topic));
  if (newest < 0) book_.Complete();
  CLEANMAIL_ASSIGN_OR_RETURN(subscription_,
                             bus_.Follow(topic, -1, [this, newest](bus::Change change) {
                               Apply(change);
                               if (change.position >= newest) book_.Complete();
                             }));
  return absl::OkStatus();
}

}  // namespace cleanmail::policy
