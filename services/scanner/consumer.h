#pragma once

#include <vector>

#include "libs/base/clock.h"
#include "libs/bus/events.h"
#include "libs/reputation/reputations.h"
#include "libs/telemetry/log.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "services/scanner/scan.h"

namespace cleanmail::scanner {

// What the bus door needs.
struct ConsumerParts {
  Scan& scan;
  bus::Bus& bus;
  base::Clock& clock;
  telemetry::Log& mail_log;  // a line for each scan
  // Where it is noted what clients' mail was; null: nowhere.
  const reputation::Reputations* reputations = nullptr;
};

// For each message one MailScanned of generation 1; an event is finished once that is published.
// What it was is noted of its client, where the door asked about him; an event that comes twice
// counts twice.
void OnReceived(const ConsumerParts& parts,
                std::vector<bus::Received<ingress::v1::MailReceived>> batch);

// For each rescan one MailScanned of the generation asked for.
void OnRescanRequested(const ConsumerParts& parts,
                       std::vector<bus::Received<quarantine::v1::RescanRequested>> batch);

}  // namespace cleanmail::scanner
