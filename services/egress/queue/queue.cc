#include "services/egress/queue/queue.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/net/coroutines.h"

namespace cleanmail::egress {
namespace {

constexpr size_t kMostInMemory = 10'000;
constexpr absl::Duration kIdleLife = absl::Seconds(5);
constexpr absl::Duration kFinishedLife =
    absl::Hours(48);  // how long a finished row guards against an event that comes again
constexpr std::string_view kHolder = "egress";
constexpr absl::Duration kRecordMoment = absl::Milliseconds(2);
constexpr size_t kMostWanted = 100;
constexpr absl::Duration kParkedInterval = absl::Seconds(10);
constexpr absl::Duration kClaimsInterval = absl::Minutes(1);
constexpr int64_t kMostExpiredAtOnce = 500;

std::string KeyOf(const Delivery& delivery) {
  return base::Cat(delivery.message.tenant(), "/", delivery.destination);
}

}  // namespace

absl::Status Queue::Refuse(Delivery delivery, const std::string& reply) {
  Attempt attempt;
  for (const std::string& address : delivery.recipients) {
    v1::RecipientDelivery& recipient = attempt.recipients.emplace_back();
    recipient.set_address(address);
    recipient.set_state(v1::DELIVERY_STATE_REFUSED);
    recipient.set_reply(reply);
  }
  bool is_new = false;
  delivery.claimed_by = parts_.members.self();
  const absl::Status inserted = parts_.store.Transact([&](sql::Session& session) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(is_new, Store::Insert(session, delivery, delivery.claimed_by));
    return absl::OkStatus();
  });
  NoteClaim(inserted);
  CLEANMAIL_RETURN_IF_ERROR(inserted);
  if (!is_new) return absl::OkStatus();  // an event that came again
  {
    const absl::MutexLock lock(&mutex_);
    ++in_memory_;
  }
  const absl::Duration life = LifeOf(delivery);
  Record({.settlement = Settle(std::move(delivery), std::move(attempt), life, options_.settlement,
                               parts_.clock, parts_.random),
          .recorded = [](absl::Status) {}});
  return absl::OkStatus();
}

absl::Status Queue::Add(std::vector<Delivery> deliveries) {
  if (deliveries.empty()) return absl::OkStatus();
  bool fits = false;
  {
    const absl::MutexLock lock(&mutex_);
    fits = !draining_ && in_memory_ + deliveries.size() <= kMostInMemory;
  }
  std::vector<Settlement> parked;
  std::erase_if(deliveries, [&](Delivery& delivery) {
    if (!IsOff(delivery)) return false;
    parked.push_back(Park(std::move(delivery), parts_.clock));
    return true;
  });
  const std::string owner = fits ? parts_.members.self() : "";
  std::vector<bool> added;
  const absl::Status inserted = parts_.store.Transact([&](sql::Session& session) -> absl::Status {
    added.clear();
    for (const Delivery& delivery : deliveries) {
      CLEANMAIL_ASSIGN_OR_RETURN(const bool is_new, Store::Insert(session, delivery, owner));
      added.push_back(is_new);
    }
    for (const Settlement& aside : parked) {
      CLEANMAIL_ASSIGN_OR_RETURN(const bool is_new, Store::Insert(session, aside.delivery, ""));
      if (is_new) CLEANMAIL_RETURN_IF_ERROR(parts_.outbox.Add(session, bus::ToRecord(aside.news)));
    }
    return absl::OkStatus();
  });
  NoteClaim(inserted);
  CLEANMAIL_RETURN_IF_ERROR(inserted);
  if (!parked.empty()) parts_.outbox.Nudge();
  if (!fits) return absl::OkStatus();
  std::vector<Delivery> fresh;
  for (size_t i = 0; i < deliveries.size(); ++i) {
    if (!added[i]) continue;
    fresh.push_back(std::move(deliveries[i]));
    fresh.back().claimed_by = owner;
  }
  Enqueue(std::move(fresh));
  return absl::OkStatus();
}

void Queue::Enqueue(std::vector<Delivery> deliveries) {
  const absl::MutexLock lock(&mutex_);
  for (Delivery& delivery : deliveries) {
    const std::string key = KeyOf(delivery);
    destinations_[key].waiting.push_back(std::move(delivery));
    starved_.push_back(key);
    ++in_memory_;
  }
  parts_.metrics.open.Set(static_cast<int64_t>(in_memory_));
  StartWorkers();
}

// Destinations with more to do than workers: a ramp may allow more of them by now.
void Queue::WantWorkers() {
  if (!starved_.empty()) return;
  for (const auto& [key, destination] : destinations_) {
    const size_t workers = static_cast<size_t>(destination.workers);
    for (size_t i = workers; i < destination.waiting.size() && i < kMostWanted; ++i)
      starved_.push_back(key);
  }
}

void Queue::StartWorkers() {
  if (!parts_.directory.complete()) return;  // Tick looks again
  while (!starved_.empty() && workers_ < options_.connections && !draining_) {
    const std::string key = std::move(starved_.front());
    starved_.pop_front();
    const auto found = destinations_.find(key);
    if (found == destinations_.end()) continue;
    Destination& destination = found->second;
    // A worker takes one delivery after another: no more of them than deliveries.
    if (destination.waiting.empty()) continue;
    const Delivery& first = destination.waiting.front();
    if (destination.workers >= gate_.ConnectionsTo(first.message.tenant(), first.destination))
      continue;
    ++destination.workers;
    ++workers_;
    std::unique_ptr<Session> session;
    if (!destination.idle.empty()) {
      session = std::move(destination.idle.back().session);
      destination.idle.pop_back();
    }
    net::Loop& loop = session != nullptr ? session->loop() : parts_.loops.Next();
    net::Spawn(loop, [this, &loop, key, session = std::move(session)]() mutable {
      return Work(loop, key, std::move(session));
    });
  }
}

std::optional<Delivery> Queue::Next(const std::string& key, std::unique_ptr<Session>& session) {
  const absl::MutexLock lock(&mutex_);
  Destination& destination = destinations_[key];
  // What was claimed under a name that was given up is in the table, and whoever claims it there
  // has it. It may have come after DropWaiting: its transaction began before a freeze.
  const std::string self = parts_.members.self();
  while (!destination.waiting.empty() && destination.waiting.front().claimed_by != self) {
    destination.waiting.pop_front();
    --in_memory_;
    claims_left_ = true;
  }
  // What another instance may have taken over is its own. While this one cannot show that it is
  // alive, all waits.
  if (!destination.waiting.empty() && !draining_ &&
      parts_.members.Holds(destination.waiting.front().claimed_by)) {
    Delivery delivery = std::move(destination.waiting.front());
    destination.waiting.pop_front();
    return delivery;
  }
  --destination.workers;
  --workers_;
  if (session != nullptr && !draining_)
    destination.idle.push_back({.session = std::move(session), .since = absl::Now()});
  if (destination.workers == 0 && destination.waiting.empty() && destination.idle.empty())
    destinations_.erase(key);
  StartWorkers();
  return std::nullopt;
}

net::Task<void> Queue::Work(net::Loop& loop, std::string key, std::unique_ptr<Session> session) {
  parts_.metrics.connections.Add(1);
  for (;;) {
    std::optional<Delivery> delivery = Next(key, session);
    if (!delivery.has_value()) break;
    Settlement settlement;
    bool wants_route = false;
    const std::string tenant = delivery->message.tenant();
    const std::string destination = delivery->destination;
    if (IsOff(*delivery)) {
      settlement = Park(*std::move(delivery), parts_.clock);
    } else {
      const absl::Time begin = absl::Now();
      Attempt attempt = co_await parts_.courier.Try(loop, session, *delivery);
      parts_.metrics.attempt_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - begin));
      wants_route = attempt.wants_route;
      const absl::Duration life = LifeOf(*delivery);
      settlement = Settle(*std::move(delivery), std::move(attempt), life, options_.settlement,
                          parts_.clock, parts_.random);
    }
    co_await net::Await<absl::Status>(loop, [&](auto done) {
      Record({.settlement = std::move(settlement), .recorded = std::move(done)});
    });
    if (wants_route) {  // it is in the table now
      const absl::MutexLock lock(&mutex_);
      routeless_.emplace(tenant, destination);
    }
  }
  parts_.metrics.connections.Add(-1);
  if (session != nullptr) co_await session->Quit();  // draining
}

void Queue::Record(Ended ended) {
  {
    const absl::MutexLock lock(&mutex_);
    ended_.push_back(std::move(ended));
    if (recording_) return;
    recording_ = true;
  }
  parts_.loops.RunSlow([this] { RecordAll(); });
}

void Queue::RecordAll() {
  const auto is_draining = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return draining_; };
  for (;;) {
    std::vector<Ended> batch;
    {
      const absl::MutexLock lock(&mutex_);
      // What ends within a moment is one transaction.
      if (!ended_.empty()) mutex_.AwaitWithTimeout(absl::Condition(&is_draining), kRecordMoment);
      batch.swap(ended_);
      if (batch.empty()) {
        recording_ = false;
        return;
      }
    }
    if (const absl::Status written = Write(batch); !written.ok()) {
      // The deliveries stay in hand and are written when the disk is well again: Tick tries.
      parts_.log.Error("egress.record.failed",
                       {{"why", written.ToString()}, {"deliveries", batch.size()}});
      const absl::MutexLock lock(&mutex_);
      ended_.insert(ended_.begin(), std::make_move_iterator(batch.begin()),
                    std::make_move_iterator(batch.end()));
      recording_ = false;
      return;
    }
    std::vector<Delivery> notices;
    for (Ended& ended : batch) {
      Count(ended.settlement);
      if (ended.settlement.notice.has_value())
        notices.push_back(*std::move(ended.settlement.notice));
    }
    {
      const absl::MutexLock lock(&mutex_);
      in_memory_ -= batch.size();
      parts_.metrics.open.Set(static_cast<int64_t>(in_memory_));
    }
    Enqueue(std::move(notices));
    parts_.outbox.Nudge();
    for (Ended& ended : batch) std::move(ended.recorded)(absl::OkStatus());
  }
}

absl::Status Queue::Write(std::vector<Ended>& batch) {
  for (const Ended& ended : batch) {
    // A deferred message must outlive the 8 days every body has.
    const Delivery& delivery = ended.settlement.delivery;
    if (delivery.recipients.empty() || delivery.attempts > 1 || !delivery.content.empty()) continue;
    const absl::Time until =
        absl::FromUnixMicros(delivery.created_at_us) + LifeOf(delivery) + absl::Hours(24);
    CLEANMAIL_RETURN_IF_ERROR(parts_.blobs.Extend(
        {.tenant = delivery.message.tenant(), .message = delivery.message.id()}, kHolder, until));
  }
  for (Ended& ended : batch) {
    if (ended.settlement.notice.has_value())
      ended.settlement.notice->claimed_by = parts_.members.self();
  }
  return parts_.store.Transact([&](sql::Session& session) -> absl::Status {
    for (Ended& ended : batch) {
      Settlement& settlement = ended.settlement;
      const bool finished = settlement.delivery.recipients.empty();
      CLEANMAIL_RETURN_IF_ERROR(
          settlement.delivery.parked ? Store::Park(session, settlement.delivery)
          : finished                 ? Store::Finish(session, settlement.delivery.id,
                                                     settlement.delivery.last_reply, settlement.news.at_us())
                                     : Store::Defer(session, settlement.delivery));
      CLEANMAIL_RETURN_IF_ERROR(parts_.outbox.Add(session, bus::ToRecord(settlement.news)));
      if (settlement.notice.has_value())
        CLEANMAIL_RETURN_IF_ERROR(
            Store::Insert(session, *settlement.notice, settlement.notice->claimed_by).status());
    }
    return absl::OkStatus();
  });
}

void Queue::Count(const Settlement& settlement) {
  const v1::DeliveryChanged& news = settlement.news;
  for (const v1::RecipientDelivery& recipient : news.recipients()) {
    switch (recipient.state()) {
      case v1::DELIVERY_STATE_DELIVERED:
        parts_.metrics.delivered.Add();
        parts_.metrics.queue_seconds.Observe(
            static_cast<double>(news.at_us() - settlement.delivery.message.accepted_at_us()) / 1e6);
        break;
      case v1::DELIVERY_STATE_DEFERRED:
        parts_.metrics.deferred.Add();
        break;
      case v1::DELIVERY_STATE_REFUSED:
        parts_.metrics.refused.Add();
        break;
      case v1::DELIVERY_STATE_EXPIRED:
        parts_.metrics.expired.Add();
        break;
      default:
        break;
    }
    parts_.mail_log.Info(
        "delivery.attempt",
        {{"message", news.message_id()},
         {"tenant", news.tenant()},
         {"sender", settlement.delivery.message.envelope().sender()},
         {"recipient", recipient.address()},
         {"state", v1::DeliveryState_Name(recipient.state()).substr(sizeof("DELIVERY_STATE_") - 1)},
         {"attempt", news.attempt()},
         {"remote", news.remote()},
         {"tls", news.tls()},
         {"reply", recipient.reply()}});
  }
  if (settlement.notice.has_value()) parts_.metrics.notices.Add();
}

absl::Duration Queue::LifeOf(const Delivery& delivery) {
  const absl::MutexLock lock(&mutex_);
  return gate_.LifeOf(delivery.message.tenant(), delivery.destination);
}

bool Queue::IsOff(const Delivery& delivery) {
  const absl::MutexLock lock(&mutex_);
  return gate_.IsOff(delivery.message.tenant(), delivery.destination);
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

void Queue::ForgetFinished() {
  const auto forgotten =
      parts_.store.ForgetFinished(absl::ToUnixMicros(parts_.clock.Now() - kFinishedLife));
  if (!forgotten.ok())
    parts_.log.Warning("egress.forget.failed", {{"why", forgotten.status().ToString()}});
}

void Queue::Drain(absl::Time deadline) {
  {
    const absl::MutexLock lock(&mutex_);
    draining_ = true;
  }
  CloseIdle();
  const absl::MutexLock lock(&mutex_);
  const auto is_done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return workers_ == 0 && ended_.empty() && !recording_;
  };
  mutex_.AwaitWithDeadline(absl::Condition(&is_done), deadline);
}

}  // namespace cleanmail::egress
