// What the queue does once a second.
#include <iterator>

#include "absl/time/clock.h"
#include "libs/net/coroutines.h"
#include "services/egress/queue/queue.h"

namespace cleanmail::egress {
namespace {

constexpr absl::Duration kIdleLife = absl::Seconds(5);
constexpr absl::Duration kParkedInterval = absl::Seconds(10);
constexpr absl::Duration kClaimsInterval = absl::Minutes(1);
constexpr int64_t kMostExpiredAtOnce = 500;

}  // namespace

void Queue::Tick() {
  // What has ended first: it must not be given back as if it had not.
  TendClaims(RecordWhatWaits());
  TendParked();
  TendRouteless();
  TakeDue();
  CloseIdle();
  const absl::MutexLock lock(&mutex_);
  WantWorkers();
  StartWorkers();
}

// Looks at what is parked when the directory has changed, and now and then for what has waited too
// long.
void Queue::TendParked() {
  if (!parts_.directory.complete()) return;
  const uint64_t version = parts_.directory.version();
  const absl::Time now = parts_.clock.Now();
  if (version == directory_seen_ && now - parked_seen_ < kParkedInterval) return;
  const auto parked = parts_.store.ParkedDestinations();
  if (!parked.ok()) return;  // the next Tick tries again
  for (const Store::ParkedDestination& which : *parked) {
    bool off = false;
    {
      const absl::MutexLock lock(&mutex_);
      off = gate_.IsOff(which.tenant, which.destination);
      if (!off) gate_.Reopened(which.tenant, which.destination);
    }
    if (off) {
      ExpireParked(which);
    } else if (const auto unparked = parts_.store.Unpark(which); unparked.ok()) {
      parts_.log.Info("egress.destination.on", {{"tenant", which.tenant},
                                                {"destination", which.destination},
                                                {"deliveries", *unparked}});
    }
  }
  directory_seen_ = version;
  parked_seen_ = now;
}

// What waits for a route goes as soon as there is one, not when its pause is over.
void Queue::TendRouteless() {
  std::vector<std::pair<std::string, std::string>> routed;
  {
    const absl::MutexLock lock(&mutex_);
    for (const auto& which : routeless_) {
      if (!parts_.router.RouteOf(which.first, which.second).empty()) routed.push_back(which);
    }
  }
  for (const auto& which : routed) {
    const auto made_due =
        parts_.store.MakeDestinationDue(which.first, which.second, base::NowMicros(parts_.clock));
    if (!made_due.ok()) return;  // the next Tick tries again
    const absl::MutexLock lock(&mutex_);
    routeless_.erase(which);
  }
}

void Queue::ExpireParked(const Store::ParkedDestination& which) {
  absl::Duration life;
  {
    const absl::MutexLock lock(&mutex_);
    life = gate_.LifeOf(which.tenant, which.destination);
  }
  auto over = parts_.store.ClaimParkedBefore(parts_.members.self(), which,
                                             absl::ToUnixMicros(parts_.clock.Now() - life),
                                             kMostExpiredAtOnce);
  NoteClaim(over.status());
  if (!over.ok()) return;  // the next Tick tries again
  for (Delivery& delivery : *over) {
    Attempt attempt;
    for (const std::string& address : delivery.recipients) {
      v1::RecipientDelivery& recipient = attempt.recipients.emplace_back();
      recipient.set_address(address);
      recipient.set_state(v1::DELIVERY_STATE_EXPIRED);
      recipient.set_reply("550 5.4.7 Waited too long: delivery to this domain is switched off");
    }
    {
      const absl::MutexLock lock(&mutex_);
      ++in_memory_;
    }
    Record({.settlement = Settle(std::move(delivery), std::move(attempt), life, options_.settlement,
                                 parts_.clock, parts_.random),
            .recorded = [](absl::Status) {}});
  }
}

// Forgets what waits in memory: it is in the table, and others take it from there.
void Queue::DropWaiting() {
  const absl::MutexLock lock(&mutex_);
  for (auto& [key, destination] : destinations_) {
    in_memory_ -= destination.waiting.size();
    destination.waiting.clear();
  }
  starved_.clear();
  parts_.metrics.open.Set(static_cast<int64_t>(in_memory_));
}

void Queue::NoteClaim(const absl::Status& claimed) {
  if (!sql::IsInDoubt(claimed)) return;
  const absl::MutexLock lock(&mutex_);
  claims_doubtful_ = true;
}

void Queue::TendClaims(bool has_recorded) {
  const auto warn = [this](const absl::Status& status) {
    parts_.log.Warning("egress.claims.not_tended", {{"why", status.ToString()}});
  };
  const absl::Status beaten = parts_.members.Beat();
  if (!beaten.ok() && !absl::IsFailedPrecondition(beaten)) return warn(beaten);
  bool doubtful = false;
  bool left = false;
  {
    const absl::MutexLock lock(&mutex_);
    std::swap(left, claims_left_);
    if (has_recorded) std::swap(doubtful, claims_doubtful_);
  }
  if (!beaten.ok() || doubtful) {
    if (!beaten.ok()) warn(beaten);
    DropWaiting();
    // What is claimed under the old name is found by FindDead and free again.
    if (const absl::Status joined = parts_.members.Rejoin(); !joined.ok()) {
      const absl::MutexLock lock(&mutex_);
      claims_doubtful_ = true;
      return warn(joined);
    }
  }
  const auto dead = parts_.members.FindDead();
  if (!dead.ok()) return warn(dead.status());
  const absl::Time now = parts_.clock.Now();
  if (dead->empty() && !left && now - claims_seen_ < kClaimsInterval) return;
  const auto released = parts_.store.ReleaseClaimsOf(*dead);
  if (!released.ok()) return warn(released.status());
  claims_seen_ = now;
  if (*released > 0)
    parts_.log.Info("egress.claims.taken_over",
                    {{"instances", dead->size()}, {"deliveries", *released}});
}

// False: ends that could not be written are still in hand.
bool Queue::RecordWhatWaits() {
  {
    const absl::MutexLock lock(&mutex_);
    if (ended_.empty() || recording_) return true;
    recording_ = true;
  }
  RecordAll();
  const absl::MutexLock lock(&mutex_);
  return ended_.empty() || recording_;
}

void Queue::TakeDue() {
  size_t room = 0;
  {
    const absl::MutexLock lock(&mutex_);
    if (draining_ || in_memory_ > kMostInMemory / 2) return;
    if (!parts_.members.Holds(parts_.members.self())) return;
    room = kMostInMemory - in_memory_;
  }
  auto due = parts_.store.ClaimDue(parts_.members.self(), base::NowMicros(parts_.clock),
                                   static_cast<int64_t>(room));
  NoteClaim(due.status());
  if (!due.ok()) {
    parts_.log.Error("egress.claim.failed", {{"why", due.status().ToString()}});
    return;
  }
  Enqueue(*std::move(due));
}

void Queue::CloseIdle() {
  std::vector<std::unique_ptr<Session>> old;
  {
    const absl::MutexLock lock(&mutex_);
    const absl::Time limit = draining_ ? absl::InfiniteFuture() : absl::Now() - kIdleLife;
    for (auto it = destinations_.begin(); it != destinations_.end();) {
      Destination& destination = it->second;
      std::erase_if(destination.idle, [&](Destination::Idle& idle) {
        if (idle.since > limit) return false;
        old.push_back(std::move(idle.session));
        return true;
      });
      const bool empty =
          destination.workers == 0 && destination.waiting.empty() && destination.idle.empty();
      it = empty ? destinations_.erase(it) : std::next(it);
    }
  }
  for (std::unique_ptr<Session>& session : old) {
    net::Loop& loop = session->loop();
    net::Spawn(loop, [session = std::move(session)]() mutable -> net::Task<void> {
      co_await session->Quit();
    });
  }
}

}  // namespace cleanmail::egress
