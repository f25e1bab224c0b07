#include "libs/bus/kafka/consumer.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::bus::kafka {
namespace {

constexpr int kPollMs = 100;
constexpr size_t kCollect = 512;               // events taken from the client before they are fed
constexpr int kStartsMs = 5000;                // to learn where a partition begins
constexpr int kEndsMs = 500;                   // to learn how long the partitions are …
constexpr std::chrono::seconds kEndsEvery(1);  // … so often
constexpr std::chrono::milliseconds kRevokeCommit(3000);
constexpr std::chrono::milliseconds kLastCommit(700);
constexpr std::chrono::milliseconds kClose(1000);
constexpr std::chrono::seconds kFirstAssignment(10);

std::string_view TraceOf(const rd_kafka_message_t& message) {
  rd_kafka_headers_t* headers = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (rd_kafka_header_get_last(headers, "traceparent", &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
    return {};
  return {static_cast<const char*>(value), value == nullptr ? 0 : size};
}

EventRef ToEvent(const rd_kafka_message_t& message) {
  rd_kafka_timestamp_type_t kind;
  auto event = std::make_shared<Event>();
  event->position = message.offset;
  event->time_us = rd_kafka_message_timestamp(&message, &kind) * 1000;
  event->tombstone = message.payload == nullptr;
  if (message.key != nullptr)
    event->key.assign(static_cast<const char*>(message.key), message.key_len);
  if (message.payload != nullptr)
    event->payload.assign(static_cast<const char*>(message.payload), message.len);
  event->trace = TraceOf(message);
  event->key_hash = std::hash<std::string_view>()(event->key);
  return event;
}

std::vector<int32_t> PartitionsOf(const rd_kafka_topic_partition_list_t& list) {
  std::vector<int32_t> partitions;
  for (int i = 0; i < list.cnt; ++i) partitions.push_back(list.elems[i].partition);
  return partitions;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Consumer>> Consumer::Create(const KafkaOptions& options,
                                                           SubscriptionOptions subscription,
                                                           ConsumerSetting setting,
                                                           BatchHandler handler) {
  std::unique_ptr<Consumer> consumer(new Consumer(options, std::move(setting)));
  const std::string session = base::Cat(Millis(options.session_timeout));
  const std::string heartbeat = base::Cat(std::max(1, Millis(options.session_timeout) / 12));
  CLEANMAIL_ASSIGN_OR_RETURN(consumer->client_,
                             NewClient(RD_KAFKA_CONSUMER, options,
                                       {{"group.id", consumer->setting_.group_name},
                                        {"partition.assignment.strategy", "cooperative-sticky"},
                                        {"enable.auto.commit", "false"},
                                        {"enable.auto.offset.store", "false"},
                                        {"auto.offset.reset", "earliest"},
                                        {"session.timeout.ms", session},
                                        {"heartbeat.interval.ms", heartbeat},
                                        {"check.crcs", "true"},
                                        {"fetch.error.backoff.ms", "50"},
                                        {"queued.min.messages", "2000"},
                                        {"queued.max.messages.kbytes", "16384"},
                                        {"debug", "cgrp"},  // for OnLine
                                        {"coordinator.query.interval.ms", "3000"}},
                                       *consumer));
  consumer->lines_ = std::make_shared<KeyLines>(
      *consumer, nullptr,
      LinesOptions{.workers = subscription.workers > 0 ? subscription.workers : options.workers,
                   .batch = subscription.batch,
                   .window = subscription.window,
                   .rest = absl::ToChronoMicroseconds(subscription.rest),
                   .held = std::max<size_t>(options.held, 1),
                   .first_retry = std::chrono::milliseconds(Millis(options.first_retry)),
                   .last_retry = std::chrono::milliseconds(Millis(options.last_retry))},
      std::move(handler));
  CLEANMAIL_RETURN_IF_ERROR(
      ToStatus(rd_kafka_poll_set_consumer(consumer->client_.get()), "consuming"));
  consumer->queue_.reset(rd_kafka_queue_get_consumer(consumer->client_.get()));
  const Owned<rd_kafka_topic_partition_list_t> topics(rd_kafka_topic_partition_list_new(1));
  rd_kafka_topic_partition_list_add(topics.get(), consumer->setting_.topic_name.c_str(),
                                    RD_KAFKA_PARTITION_UA);
  CLEANMAIL_RETURN_IF_ERROR(
      ToStatus(rd_kafka_subscribe(consumer->client_.get(), topics.get()), "subscribing"));
  consumer->lines_->Start();
  consumer->thread_ = std::thread([self = consumer.get()] { self->Run(); });
  return consumer;
}

Consumer::~Consumer() {
  if (thread_.joinable()) {
    lines_->Stop();
    stopping_ = true;
    rd_kafka_queue_yield(queue_.get());
    thread_.join();
    Leave();
  }
  if (lines_ != nullptr) lines_->Detach();
  queue_.reset();
  // librdkafka 2.0 aborts the process when a member that is still joining for the first time is
  // destroyed. It stays; nothing of ours is called by it any more, since nobody polls.
  if (coordinated_ && !was_steady_) (void)client_.release();
  client_.reset();
}

// Leaves the group, so that the others have its partitions at once; bounded, since without brokers
// there is nobody to tell.
void Consumer::Leave() {
  const Owned<rd_kafka_queue_t> last(rd_kafka_queue_new(client_.get()));
  if (rd_kafka_error_t* refused = rd_kafka_consumer_close_queue(client_.get(), last.get())) {
    rd_kafka_error_destroy(refused);
    return;
  }
  const auto deadline = Clock::now() + kClose;
  while (rd_kafka_consumer_closed(client_.get()) == 0 && Clock::now() < deadline) {
    const Owned<rd_kafka_event_t> event(rd_kafka_queue_poll(last.get(), 20));
    if (event == nullptr || rd_kafka_event_type(event.get()) != RD_KAFKA_EVENT_REBALANCE) continue;
    OnRebalance(client_.get(), rd_kafka_event_error(event.get()),
                rd_kafka_event_topic_partition_list(event.get()));
  }
}

bool Consumer::WaitForAssignment(absl::Duration most) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(most),
                           [this] { return assigned_once_; });
}

void Consumer::Run() {
  auto commit_at = Clock::now();
  auto ends_at = Clock::now();
  while (!stopping_) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), kPollMs);
    for (size_t i = 1; message != nullptr; ++i) {
      Collect(message);
      message = i < kCollect ? rd_kafka_consumer_poll(client_.get(), 0) : nullptr;
    }
    Feed();
    const auto now = Clock::now();
    if (moved_ && MayCommit() && now >= commit_at) {
      moved_ = false;
      Commit();
      commit_at = now + std::chrono::milliseconds(Millis(options_.commit_interval));
    }
    if (now >= ends_at) {
      RefreshEnds();
      ends_at = Clock::now() + kEndsEvery;
    }
  }
  CommitLast();
}

// librdkafka 2.0 aborts the process when a member that joins is closed before its first assignment
// (fixed in 2.3, its issue 4312): that comes within a moment, or the coordinator is gone.
void Consumer::AwaitFirstAssignment() {
  const auto deadline = Clock::now() + kFirstAssignment;
  const auto assigned = [this] {
    std::lock_guard lock(mutex_);
    return assigned_once_;
  };
  while (coordinated_ && !steady_ && !assigned() && Clock::now() < deadline) {
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), 10))
      rd_kafka_message_destroy(message);  // nobody handles it any more
  }
}

// Notes once more how far all is, when the group allows it within a short time.
void Consumer::CommitLast() {
  AwaitFirstAssignment();
  const auto deadline = Clock::now() + kLastCommit;
  while (coordinated_ && !steady_ && Clock::now() < deadline) {
    if (rd_kafka_message_t* message = rd_kafka_consumer_poll(client_.get(), 10))
      rd_kafka_message_destroy(message);  // nobody handles it any more
  }
  closing_ = true;
  if (!MayCommit()) return;
  if (unanswered_ > 0) {
    for (auto& [partition, mark] : committed_) mark = RD_KAFKA_OFFSET_INVALID;
  }
  CommitAndWait(NewMarks(), kLastCommit);
}

void Consumer::Collect(rd_kafka_message_t* raw) {
  const Owned<rd_kafka_message_t> message(raw);
  if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Log(4, base::Cat("kafka: reading ", setting_.topic_name, ": ",
                     rd_kafka_message_errstr(message.get())));
    return;
  }
  collected_[message->partition].push_back(ToEvent(*message));
}

// Gives what was collected to the lines, stops partitions that are full and lets others flow.
void Consumer::Feed() {
  std::vector<int32_t> full, roomy;
  for (auto& [partition, events] : collected_) {
    const int64_t first = events.front()->position;
    if (!lines_->Add(partition, events)) {
      // Positions go back when a topic was deleted and made anew: it is a new log.
      Log(4, base::Cat("kafka: ", setting_.topic_name, " partition ", partition,
                       " begins again at position ", first));
      (void)lines_->Retire(std::vector<int32_t>{partition}, std::chrono::milliseconds(0));
      lines_->AddPartition(partition, first);
      committed_.erase(partition);
      (void)lines_->Add(partition, std::move(events));
    }
    if (!stopped_.contains(partition) && !lines_->HasRoom(partition)) full.push_back(partition);
  }
  collected_.clear();
  for (const int32_t partition : stopped_) {
    if (lines_->HasRoom(partition)) roomy.push_back(partition);
  }
  SetFlowing(full, false);
  SetFlowing(roomy, true);
}

void Consumer::SetFlowing(const std::vector<int32_t>& partitions, bool flowing) {
  if (partitions.empty()) return;
  const Owned<rd_kafka_topic_partition_list_t> list = ListOf(partitions);
  if (flowing) {
    rd_kafka_resume_partitions(client_.get(), list.get());
  } else {
    rd_kafka_pause_partitions(client_.get(), list.get());
  }
  for (const int32_t partition : partitions) {
    if (flowing) {
      stopped_.erase(partition);
    } else {
      stopped_.insert(partition);
    }
  }
}

void Consumer::RoomAgain() { rd_kafka_queue_yield(queue_.get()); }

// Two faults of librdkafka 2.0 make us look where it tells how a group stands, which is in its
// debug lines only. A commit sent while a JoinGroup waits at the broker stands behind it on the
// connection, comes with a generation that has ended by then, and makes it give all partitions up.
// A commit sent while no coordinator is connected keeps the client from ending for ten seconds.
void Consumer::OnLine(int level, std::string_view kind, std::string_view text) {
  const auto says = [&](std::string_view what) {
    return text.find(what) != std::string_view::npos;
  };
  if (kind == "CGRPJOINSTATE") steady_ = says("-> steady");
  was_steady_ = was_steady_ || steady_;
  if (kind == "CGRPSTATE") coordinated_ = says("-> up");
  if (level < 7 || options_.properties.contains("debug")) ClientOwner::OnLine(level, kind, text);
}

void Consumer::OnRebalance(rd_kafka_t* client, rd_kafka_resp_err_t what,
                           rd_kafka_topic_partition_list_t* partitions) {
  Feed();  // what came before the change belongs to the assignment before it
  if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    Assign(client, partitions);
  } else {
    Revoke(client, partitions);
  }
}

void Consumer::Assign(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions) {
  if (partitions->cnt > 0) FindStarts(client, partitions);
  for (int i = 0; i < partitions->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = partitions->elems[i];
    committed_[each.partition] = each.offset;
    lines_->AddPartition(each.partition, each.offset >= 0 ? each.offset : -1);
  }
  if (rd_kafka_error_t* refused = rd_kafka_incremental_assign(client, partitions)) {
    Log(3, base::Cat("kafka: taking partitions: ", rd_kafka_error_string(refused)));
    rd_kafka_error_destroy(refused);
  }
  RefreshEnds();
  std::lock_guard lock(mutex_);
  assigned_once_ = true;
  changed_.notify_all();
}

// Puts the position to begin at into each: where the group is, else where it shall start.
void Consumer::FindStarts(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions) {
  if (rd_kafka_committed(client, partitions, kStartsMs) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // librdkafka asks again by itself.
    for (int i = 0; i < partitions->cnt; ++i) partitions->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
    return;
  }
  const Owned<rd_kafka_topic_partition_list_t> oldest(
      rd_kafka_topic_partition_list_new(partitions->cnt));
  for (int i = 0; i < partitions->cnt; ++i) {
    rd_kafka_topic_partition_t& each = partitions->elems[i];
    if (each.offset >= 0) continue;
    const auto partition = static_cast<size_t>(each.partition);
    if (partition < setting_.starts.size()) {
      each.offset = setting_.starts[partition];
      continue;
    }
    each.offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_topic_partition_list_add(oldest.get(), each.topic, each.partition)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  }
  if (oldest->cnt == 0) return;
  if (rd_kafka_offsets_for_times(setting_.borrow().get(), oldest.get(), kStartsMs) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return;  // known with the first event, then
  for (int i = 0; i < oldest->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = oldest->elems[i];
    if (each.err != RD_KAFKA_RESP_ERR_NO_ERROR || each.offset < 0) continue;
    rd_kafka_topic_partition_list_set_offset(partitions, each.topic, each.partition, each.offset);
  }
}

void Consumer::Revoke(rd_kafka_t* client, rd_kafka_topic_partition_list_t* partitions) {
  const bool lost = rd_kafka_assignment_lost(client) != 0;
  const std::chrono::milliseconds patience(lost || closing_ ? 0 : Millis(options_.revoke_patience));
  const std::vector<int32_t> leaving = PartitionsOf(*partitions);
  Marks marks;
  for (const auto& [partition, mark] : lines_->Retire(leaving, patience)) {
    if (mark >= 0 && committed_[partition] != mark) marks[partition] = mark;
  }
  if (!lost && !closing_ && coordinated_) CommitAndWait(marks, kRevokeCommit);
  // So that it flows should it come back.
  std::vector<int32_t> held;
  std::copy_if(leaving.begin(), leaving.end(), std::back_inserter(held),
               [&](int32_t partition) { return stopped_.contains(partition); });
  SetFlowing(held, true);
  for (const int32_t partition : leaving) {
    committed_.erase(partition);
    collected_.erase(partition);
  }
  {
    std::lock_guard lock(mutex_);
    for (const int32_t partition : leaving) ends_.erase(partition);
  }
  if (rd_kafka_error_t* refused = rd_kafka_incremental_unassign(client, partitions)) {
    Log(3, base::Cat("kafka: giving partitions back: ", rd_kafka_error_string(refused)));
    rd_kafka_error_destroy(refused);
  }
}

Consumer::Marks Consumer::NewMarks() {
  Marks marks;
  for (const KeyLines::Standing& each : lines_->standings()) {
    if (each.mark >= 0 && committed_[each.partition] != each.mark)
      marks[each.partition] = each.mark;
  }
  return marks;
}

void Consumer::Commit() {
  const Marks marks = NewMarks();
  if (marks.empty()) return;
  const Owned<rd_kafka_topic_partition_list_t> list = ListOf(marks);
  if (rd_kafka_commit(client_.get(), list.get(), 1) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    moved_ = true;
    return;
  }
  ++unanswered_;
  for (const auto& [partition, mark] : marks) committed_[partition] = mark;
}

// Of a commit that nobody waits for. What could not be noted is noted the next time.
void Consumer::OnCommitted(rd_kafka_resp_err_t error) {
  --unanswered_;
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET) return;
  for (auto& [partition, mark] : committed_) mark = RD_KAFKA_OFFSET_INVALID;
  moved_ = true;
}

void Consumer::CommitAndWait(const Marks& marks, std::chrono::milliseconds most) {
  if (marks.empty()) return;
  const Owned<rd_kafka_topic_partition_list_t> list = ListOf(marks);
  const Owned<rd_kafka_queue_t> answers(rd_kafka_queue_new(client_.get()));
  if (rd_kafka_commit_queue(client_.get(), list.get(), answers.get(), nullptr, nullptr) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return;
  // What is not answered in time may be given again, which consumers bear.
  const Owned<rd_kafka_event_t> answer(
      rd_kafka_queue_poll(answers.get(), static_cast<int>(most.count())));
  if (answer == nullptr || rd_kafka_event_error(answer.get()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    Log(4, base::Cat("kafka: how far ", setting_.group_name, " is could not be noted: ",
                     answer == nullptr ? "no answer" : rd_kafka_event_error_string(answer.get())));
    return;
  }
  for (const auto& [partition, mark] : marks) committed_[partition] = mark;
}

void Consumer::RefreshEnds() {
  const std::vector<KeyLines::Standing> standings = lines_->standings();
  if (standings.empty()) return;
  const Owned<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(standings.size())));
  for (const KeyLines::Standing& each : standings) {
    rd_kafka_topic_partition_list_add(list.get(), setting_.topic_name.c_str(), each.partition)
        ->offset = RD_KAFKA_OFFSET_END;
  }
  // By this consumer's own connections it would wait behind a fetch that waits for events.
  if (rd_kafka_offsets_for_times(setting_.borrow().get(), list.get(), kEndsMs) !=
      RD_KAFKA_RESP_ERR_NO_ERROR)
    return;
  std::lock_guard lock(mutex_);
  for (int i = 0; i < list->cnt; ++i) {
    const rd_kafka_topic_partition_t& each = list->elems[i];
    if (each.err == RD_KAFKA_RESP_ERR_NO_ERROR && each.offset >= 0)
      ends_[each.partition] = each.offset;
  }
}

int64_t Consumer::lag() const {
  std::map<int32_t, int64_t> ends;
  {
    std::lock_guard lock(mutex_);
    ends = ends_;
  }
  int64_t behind = 0;
  for (const KeyLines::Standing& each : lines_->standings()) {
    // The newer of what was asked for and what came with the last events.
    int64_t low = 0, high = -1;
    rd_kafka_get_watermark_offsets(client_.get(), setting_.topic_name.c_str(), each.partition, &low,
                                   &high);
    const auto asked = ends.find(each.partition);
    if (asked != ends.end()) high = std::max(high, asked->second);
    behind += std::max<int64_t>(0, high - std::max<int64_t>(0, each.next)) +
              static_cast<int64_t>(each.held);
  }
  return behind;
}

void Consumer::BuryDead(const EventRef& event, const absl::Status& reason,
                        std::function<void(absl::Status)> done) {
  setting_.bury(event, reason, std::move(done));
}

Owned<rd_kafka_topic_partition_list_t> Consumer::ListOf(const Marks& marks) const {
  Owned<rd_kafka_topic_partition_list_t> list(
      rd_kafka_topic_partition_list_new(static_cast<int>(marks.size())));
  for (const auto& [partition, mark] : marks) {
    rd_kafka_topic_partition_list_add(list.get(), setting_.topic_name.c_str(), partition)->offset =
        mark;
  }
  return list;
}

Owned<rd_kafka_topic_partition_list_t> Consumer::ListOf(
    const std::vector<int32_t>& partitions) const {
  Marks marks;
  for (const int32_t partition : partitions) marks[partition] = RD_KAFKA_OFFSET_INVALID;
  return ListOf(marks);
}

}  // namespace cleanmail::bus::kafka
