#pragma once

#include <algorithm>
#include <array>

#include "libs/bus/kafka/client.h"

namespace cleanmail::bus::kafka {

// Asks the cluster by an admin request that answers with one event: `ask(options, queue)` sends it.
template <class Ask>
absl::StatusOr<Owned<rd_kafka_event_t>> AskAdmin(rd_kafka_t* client, rd_kafka_admin_op_t operation,
                                                 int timeout_ms, Ask ask) {
  const Owned<rd_kafka_queue_t> queue(rd_kafka_queue_new(client));
  const Owned<rd_kafka_AdminOptions_t> options(rd_kafka_AdminOptions_new(client, operation));
  std::array<char, 256> text{};
  rd_kafka_AdminOptions_set_request_timeout(options.get(), std::max(1, timeout_ms), text.data(),
                                            text.size());
  ask(options.get(), queue.get());
  Owned<rd_kafka_event_t> event(rd_kafka_queue_poll(queue.get(), timeout_ms + 1000));
  if (event == nullptr) return absl::UnavailableError("kafka: the cluster does not answer");
  const absl::Status status = ToStatus(rd_kafka_event_error(event.get()), "administration");
  if (!status.ok()) return status;
  return event;
}

}  // namespace cleanmail::bus::kafka
