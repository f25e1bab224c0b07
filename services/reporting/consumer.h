#pragma once

#include <span>
#include <vector>

#include "services/reporting/store.h"
#include "services/reporting/trace/trace.h"

namespace cleanmail::reporting {

// Records a batch of any event that is part of a message's story, in one transaction.
template <class Event>
std::vector<absl::Status> OnEvents(Store& store, std::span<const Event> batch) {
  std::vector<MessageRow> messages;
  std::vector<Entry> entries;
  for (const Event& event : batch) {
    if constexpr (std::is_same_v<Event, ingress::v1::MailReceived>)
      messages.push_back(ToMessage(event));
    for (Entry& entry : ToEntries(event)) entries.push_back(std::move(entry));
  }
  return std::vector<absl::Status>(batch.size(), store.Add(messages, entries));
}

}  // namespace cleanmail::reporting
