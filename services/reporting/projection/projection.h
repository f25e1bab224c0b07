#pragma once

#include <vector>

#include "proto/cleanmail/egress/v1/events.pb.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/reporting/store.h"

// What an event means for the story of its message, in sentences. Pure.
namespace cleanmail::reporting {

MessageRow ToMessage(const ingress::v1::MailReceived& event);
std::vector<Entry> ToEntries(const ingress::v1::MailReceived& event);
std::vector<Entry> ToEntries(const scanner::v1::MailScanned& event);
std::vector<Entry> ToEntries(const policy::v1::MailDisposed& event);
std::vector<Entry> ToEntries(const quarantine::v1::MailReleased& event);
std::vector<Entry> ToEntries(const egress::v1::DeliveryChanged& event);

}  // namespace cleanmail::reporting
