#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "proto/cleanmail/audit/v1/events.pb.h"
#include "proto/cleanmail/egress/v1/events.pb.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "proto/cleanmail/policy/v1/events.pb.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/reporting/projection/changes.h"

// What an event means for the story of its message. Pure but for the question whose an address is.
namespace cleanmail::reporting {

// Primary address (lower case) of the account an address belongs to; the address itself where none
// is known.
using AccountOf = std::function<std::string(std::string_view address)>;

void Project(const ingress::v1::MailReceived& event, const AccountOf& account_of, Changes& out);
void Project(const ingress::v1::MailRefused& event, const AccountOf& account_of, Changes& out);
void Project(const scanner::v1::MailScanned& event, const AccountOf& account_of, Changes& out);
void Project(const policy::v1::MailDisposed& event, const AccountOf& account_of, Changes& out);
void Project(const quarantine::v1::MailReleased& event, const AccountOf& account_of, Changes& out);
void Project(const quarantine::v1::HoldEnded& event, const AccountOf& account_of, Changes& out);
void Project(const egress::v1::DeliveryChanged& event, const AccountOf& account_of, Changes& out);
void Project(const audit::v1::AuditRecorded& event, const AccountOf& account_of, Changes& out);

}  // namespace cleanmail::reporting
