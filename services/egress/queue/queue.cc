#include "services/egress/queue/queue.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/net/coroutines.h"

namespace cleanmail::egress {
namespace {

constexpr absl::Duration kFinishedLife =
    absl::Hours(48);  // how long a finished row guards against an event that comes again
constexpr std::string_view kHolder = "egress";
constexpr absl::Duration kRecordMoment = absl::Milliseconds(2);
constexpr size_t kMostWanted = 100;

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
