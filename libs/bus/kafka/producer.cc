#include "libs/bus/kafka/producer.h"

#include <algorithm>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/bus/kafka/statistics.h"

namespace cleanmail::bus::kafka {
namespace {

constexpr int kLastFlushMs = 3000;
constexpr int kPollMs = 200;

std::chrono::steady_clock::time_point Now() { return std::chrono::steady_clock::now(); }

}  // namespace

// A publication whose acknowledgements are awaited.
struct Producer::Outgoing {
  std::mutex mutex;
  size_t open = 1;  // events on their way, and Publish itself; these three guarded by mutex
  size_t kept = 0;
  absl::Status status;
  std::vector<std::unique_ptr<blob::Finished>> bodies;
  absl::AnyInvocable<void(absl::Status) &&> done;
};

Producer::Producer(const KafkaOptions& options) : ClientOwner(options) {}

absl::StatusOr<std::shared_ptr<rd_kafka_t>> Producer::NewProducer() {
  CLEANMAIL_ASSIGN_OR_RETURN(
      Owned<rd_kafka_t> client,
      NewClient(RD_KAFKA_PRODUCER, options_,
                {{"enable.idempotence", "true"},
                 {"acks", "all"},
                 {"retry.backoff.ms", "100"},
                 {"linger.ms", base::Cat(Millis(options_.linger))},
                 {"message.timeout.ms", base::Cat(std::max(1, Millis(options_.publish_timeout)))},
                 {"request.timeout.ms",
                  base::Cat(std::clamp(Millis(options_.publish_timeout) / 2, 1, 10'000))},
                 {"queue.buffering.max.messages", base::Cat(options_.queue_events)},
                 {"queue.buffering.max.kbytes", "262144"},
                 {"partitioner", "murmur2"},
                 {"statistics.interval.ms", "1000"}},
                *this));
  return std::shared_ptr<rd_kafka_t>(client.release(), Release());
}

absl::StatusOr<std::unique_ptr<Producer>> Producer::Create(const KafkaOptions& options) {
  std::unique_ptr<Producer> producer(new Producer(options));
  CLEANMAIL_ASSIGN_OR_RETURN(producer->client_, producer->NewProducer());
  producer->reachable_at_ = Now();
  producer->thread_ = std::thread([self = producer.get()] { self->Run(); });
  return producer;
}

Producer::~Producer() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  thread_.join();
  const std::shared_ptr<rd_kafka_t> last = client();
  // Serves the acknowledgements on this thread; what remains is failed.
  rd_kafka_flush(last.get(), kLastFlushMs);
  rd_kafka_purge(last.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(last.get(), kLastFlushMs);
  CallEnded();
}

std::shared_ptr<rd_kafka_t> Producer::client() const {
  std::lock_guard lock(mutex_);
  return client_;
}

void Producer::Run() {
  while (!stopping_) {
    rd_kafka_poll(client().get(), kPollMs);
    CallEnded();
    if (broken_.exchange(false)) Replace();
  }
}

// An idempotent client that can no longer say what was kept gives up for good: what it holds is
// failed, and a new one goes on.
void Producer::Replace() {
  absl::StatusOr<std::shared_ptr<rd_kafka_t>> fresh = NewProducer();
  if (!fresh.ok()) {
    broken_ = true;
    return;
  }
  std::shared_ptr<rd_kafka_t> old;
  {
    std::lock_guard lock(mutex_);
    old = std::exchange(client_, *std::move(fresh));
  }
  // The old one refuses new events by itself; what it holds is failed here.
  rd_kafka_purge(old.get(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
  rd_kafka_flush(old.get(), kLastFlushMs);
}

absl::Status Producer::Send(rd_kafka_t* client, const Record& record, Outgoing* outgoing) {
  const std::string topic = base::Cat(options_.prefix, record.topic.name);
  const void* payload = record.tombstone ? nullptr : record.payload.data();
  const size_t size = record.tombstone ? 0 : record.payload.size();
  rd_kafka_headers_t* headers = nullptr;
  if (!record.trace.empty()) {
    headers = rd_kafka_headers_new(1);
    rd_kafka_header_add(headers, "traceparent", -1, record.trace.data(),
                        static_cast<ssize_t>(record.trace.size()));
  }
  const rd_kafka_resp_err_t error = rd_kafka_producev(
      client, RD_KAFKA_V_TOPIC(topic.c_str()), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
      RD_KAFKA_V_KEY(record.key.data(), record.key.size()),
      RD_KAFKA_V_VALUE(const_cast<void*>(payload), size), RD_KAFKA_V_HEADERS(headers),
      RD_KAFKA_V_OPAQUE(outgoing), RD_KAFKA_V_END);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR && headers != nullptr) rd_kafka_headers_destroy(headers);
  return ToStatus(error, topic);
}

void Producer::Publish(Publication publication, absl::AnyInvocable<void(absl::Status) &&> done) {
  auto* outgoing = new Outgoing;  // ended_ takes it when all is known
  outgoing->done = std::move(done);
  absl::Status status;
  for (const auto& body : publication.bodies) {
    if (body->TakeBatch())
      status = absl::InternalError("kafka: a body of the publication is kept by no store");
  }
  outgoing->bodies = std::move(publication.bodies);
  const auto count = static_cast<int64_t>(publication.records.size());
  if (status.ok() && queued() + count > options_.queue_events)
    status = absl::UnavailableError("kafka: too many events wait to be acknowledged");
  if (status.ok()) {
    const std::shared_ptr<rd_kafka_t> client = this->client();
    for (const Record& record : publication.records) {
      {
        std::lock_guard lock(outgoing->mutex);
        ++outgoing->open;
      }
      queued_.fetch_add(1, std::memory_order_relaxed);
      const absl::Status sent = Send(client.get(), record, outgoing);
      if (sent.ok()) continue;
      queued_.fetch_sub(1, std::memory_order_relaxed);
      Settle(outgoing, sent);
      break;  // the rest would be for nothing
    }
  }
  Settle(outgoing, status, true);
}

void Producer::Refuse(absl::Status status, absl::AnyInvocable<void(absl::Status) &&> done) {
  auto* outgoing = new Outgoing;
  outgoing->done = std::move(done);
  Settle(outgoing, std::move(status), true);
}

void Producer::OnDelivered(const rd_kafka_message_t& message) {
  queued_.fetch_sub(1, std::memory_order_relaxed);
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR)
    reachable_at_.store(Now(), std::memory_order_relaxed);
  Settle(static_cast<Outgoing*>(message._private), ToStatus(message.err, "publishing"));
}

// One event of a publication, or (`last`) the sending of all of them, has ended.
void Producer::Settle(Outgoing* outgoing, absl::Status status, bool last) {
  {
    std::lock_guard lock(outgoing->mutex);
    if (status.ok() && !last) ++outgoing->kept;
    outgoing->status.Update(std::move(status));
    if (--outgoing->open > 0) return;
  }
  if (!outgoing->status.ok() && outgoing->kept > 0)
    partly_kept_.fetch_add(1, std::memory_order_relaxed);
  std::shared_ptr<rd_kafka_t> client;
  {
    std::lock_guard lock(mutex_);
    ended_.emplace_back(outgoing);
    if (std::this_thread::get_id() != thread_.get_id()) client = client_;
  }
  if (client == nullptr) return;  // the thread that polls calls it next
  const Owned<rd_kafka_queue_t> main(rd_kafka_queue_get_main(client.get()));
  rd_kafka_queue_yield(main.get());
}

void Producer::CallEnded() {
  std::vector<std::unique_ptr<Outgoing>> ended;
  {
    std::lock_guard lock(mutex_);
    ended.swap(ended_);
  }
  for (const auto& outgoing : ended) {
    outgoing->bodies.clear();
    std::move(outgoing->done)(outgoing->status);
  }
}

void Producer::OnStatistics(std::string_view json) {
  const BrokerStatistics brokers = ReadStatistics(json);
  if (brokers.up > 0) reachable_at_.store(Now(), std::memory_order_relaxed);
  reconnects_.store(brokers.reconnects, std::memory_order_relaxed);
}

absl::Status Producer::Accepting() const {
  const int64_t waiting = queued();
  if (waiting >= options_.queue_events * 9 / 10) {
    return absl::ResourceExhaustedError(
        base::Cat("kafka: ", waiting, " events wait to be acknowledged"));
  }
  const auto silent = Now() - reachable_at_.load(std::memory_order_relaxed);
  if (absl::FromChrono(silent) > options_.unreachable_after) {
    return absl::UnavailableError(
        base::Cat("kafka: no broker can be reached for ",
                  std::chrono::duration_cast<std::chrono::seconds>(silent).count(), " s"));
  }
  return absl::OkStatus();
}

}  // namespace cleanmail::bus::kafka
