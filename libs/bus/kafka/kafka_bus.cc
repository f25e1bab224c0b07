#include "libs/bus/kafka/kafka_bus.h"

#include <optional>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/events.h"
#include "libs/bus/kafka/consumer.h"
#include "libs/bus/kafka/follower.h"
#include "libs/bus/kafka/lag_watch.h"
#include "libs/bus/kafka/producer.h"
#include "libs/bus/kafka/topics.h"

namespace cleanmail::bus::kafka {
namespace {

constexpr absl::Duration kAskTimeout = absl::Seconds(10);

}  // namespace

class KafkaBus::Impl {
 public:
  Impl(KafkaOptions options, const base::Clock& clock)
      : options_(std::move(options)),
        clock_(clock),
        topics_(options_, [this] { return producer_->client(); }) {}

  absl::Status Start() {
    CLEANMAIL_ASSIGN_OR_RETURN(producer_, Producer::Create(options_));
    CLEANMAIL_RETURN_IF_ERROR(topics_.Ensure(options_.topics, options_.start_timeout));
    CLEANMAIL_ASSIGN_OR_RETURN(watch_, LagWatch::Create(options_, topics_));
    return absl::OkStatus();
  }
  void Bury(const std::string& topic, const std::string& group, const EventRef& event,
            const absl::Status& reason, std::function<void(absl::Status)> done);
  absl::StatusOr<ConsumerSetting> SettingOf(const SubscriptionOptions& subscription);

  const KafkaOptions options_;
  const base::Clock& clock_;
  std::atomic<int64_t> dead_letters_{0};
  std::unique_ptr<Producer> producer_;
  Topics topics_;
  std::unique_ptr<LagWatch> watch_;
};

void KafkaBus::Impl::Bury(const std::string& topic, const std::string& group, const EventRef& event,
                          const absl::Status& reason, std::function<void(absl::Status)> done) {
  Publication publication;
  publication.records.push_back(MakeDeadLetter(topic, group, event->key, event->payload,
                                               event->trace, reason, base::NowMicros(clock_)));
  // A twin is there with its topic; that of a compacted one, or of a twin, is made when it is
  // needed.
  if (absl::Status there = topics_.EnsureOne({.name = DeadTopicOf(topic)}); !there.ok())
    return done(std::move(there));
  producer_->Publish(std::move(publication),
                     [this, topic, group, reason, done = std::move(done)](absl::Status status) {
                       if (status.ok()) {
                         dead_letters_.fetch_add(1, std::memory_order_relaxed);
                         if (options_.on_dead_letter) options_.on_dead_letter(topic, group, reason);
                       }
                       done(std::move(status));
                     });
}

absl::StatusOr<ConsumerSetting> KafkaBus::Impl::SettingOf(const SubscriptionOptions& subscription) {
  const std::string &topic = subscription.topic, &group = subscription.group;
  ConsumerSetting setting{
      .topic_name = topics_.NameOf(topic),
      // A group of its own for each topic: who joins or leaves one moves nothing of the others.
      .group_name = base::Cat(options_.prefix, group, ".", topic),
      .starts = {},
      .borrow = [this] { return producer_->client(); },
      .bury =
          [this, topic, group](const EventRef& event, const absl::Status& reason,
                               std::function<void(absl::Status)> done) {
            Bury(topic, group, event, reason, std::move(done));
          }};
  if (!subscription.from_start) {
    CLEANMAIL_ASSIGN_OR_RETURN(setting.starts, topics_.Ends(topic, kAskTimeout));
  }
  return setting;
}

KafkaBus::KafkaBus(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
KafkaBus::~KafkaBus() = default;

absl::StatusOr<std::unique_ptr<KafkaBus>> KafkaBus::Create(KafkaOptions options,
                                                           const base::Clock& clock) {
  auto impl = std::make_unique<Impl>(std::move(options), clock);
  CLEANMAIL_RETURN_IF_ERROR(impl->Start());
  return std::unique_ptr<KafkaBus>(new KafkaBus(std::move(impl)));
}

void KafkaBus::Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done) {
  for (const Record& record : publication.records) {
    const absl::Status there = impl_->topics_.EnsureOne(record.topic);
    if (!there.ok()) return impl_->producer_->Refuse(there, std::move(done));
    impl_->watch_->Published(record.topic.name);
  }
  impl_->producer_->Publish(std::move(publication), std::move(done));
}

absl::StatusOr<std::unique_ptr<Subscription>> KafkaBus::Subscribe(SubscriptionOptions options,
                                                                  BatchHandler handler) {
  CLEANMAIL_RETURN_IF_ERROR(impl_->topics_.EnsureOne(impl_->topics_.Known(options.topic)));
  CLEANMAIL_ASSIGN_OR_RETURN(ConsumerSetting setting, impl_->SettingOf(options));
  CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<Consumer> consumer,
                             Consumer::Create(impl_->options_, std::move(options),
                                              std::move(setting), std::move(handler)));
  (void)consumer->WaitForAssignment(impl_->options_.assignment_wait);
  return consumer;
}

absl::StatusOr<std::unique_ptr<Subscription>> KafkaBus::Follow(
    std::string_view topic, int64_t position, absl::AnyInvocable<void(Change)> handler) {
  CLEANMAIL_RETURN_IF_ERROR(
      impl_->topics_.EnsureOne({.name = std::string(topic), .compacted = true}));
  return Follower::Create(impl_->options_, impl_->topics_.NameOf(topic), position,
                          std::move(handler));
}

absl::StatusOr<int64_t> KafkaBus::NewestPosition(std::string_view topic) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<int64_t> ends,
                             impl_->topics_.Ends(topic, kAskTimeout));
  if (ends.size() > 1) {
    return absl::FailedPreconditionError(
        base::Cat("kafka: ", topic, " has several partitions and so no newest position"));
  }
  return ends.empty() ? -1 : ends.front() - 1;
}

absl::Status KafkaBus::Accepting() {
  CLEANMAIL_RETURN_IF_ERROR(impl_->producer_->Accepting());
  return impl_->watch_->Check();
}

KafkaBus::Counts KafkaBus::counts() const {
  return {.queued = impl_->producer_->queued(),
          .partly_kept = impl_->producer_->partly_kept(),
          .reconnects = impl_->producer_->reconnects(),
          .dead_letters = impl_->dead_letters_.load(std::memory_order_relaxed)};
}

}  // namespace cleanmail::bus::kafka
