#pragma once

#include <vector>

#include "libs/base/clock.h"
#include "libs/bus/events.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/policy/evaluation.h"
#include "services/policy/history/memory.h"
#include "services/policy/metrics.h"

namespace cleanmail::policy {

// What the bus door needs.
struct ConsumerParts {
  const Evaluation& evaluation;
  history::Memory& memory;
  bus::Bus& bus;
  base::Clock& clock;
  Metrics& metrics;
};

// For each MailScanned one MailDisposed; an event is finished once its decision is published.
void OnScanned(const ConsumerParts& parts,
               std::vector<bus::Received<scanner::v1::MailScanned>> batch);

}  // namespace cleanmail::policy
