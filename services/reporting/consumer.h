#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "libs/bus/events.h"
#include "services/reporting/projection/projection.h"
#include "services/reporting/recorder.h"

namespace cleanmail::reporting {

// What one event changes.
template <class Event>
Changes ChangesOf(const Event& event, const AccountOf& account_of) {
  Changes changes;
  Project(event, account_of, changes);
  return changes;
}

// Records any event that is part of the story; each is finished once it is written.
template <class Event>
void OnEvents(Recorder& recorder, const AccountOf& account_of,
              std::vector<bus::Received<Event>> batch) {
  for (bus::Received<Event>& received : batch) {
    recorder.Add(ChangesOf(received.event, account_of),
                 [inbound = std::move(received.inbound)](absl::Status status) {
                   inbound->Finish(std::move(status));
                 });
  }
}

}  // namespace cleanmail::reporting
