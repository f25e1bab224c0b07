#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/cleanmail/reporting/v1/reporting.pb.h"

// What events change in the tables. Values.
namespace cleanmail::reporting {

// An accepted message, as far as an event knows it.
struct MessageRow {
  std::string message;
  std::string tenant;
  std::string sender;  // lower case
  std::string subject;
  std::string client_address;
  int64_t direction = 0;
  int64_t size = 0;
  int64_t accepted_at_us = 0;
  // Of a scan; generation 0: this event is none.
  int64_t generation = 0;
  double score = 0;
  std::string findings;  // packed
};

// One thing that happened to a message.
struct Entry {
  std::string message;
  int64_t at_us = 0;  // when it happened, not when it was recorded
  std::string what;
  std::string recipient;  // empty: all
  std::string detail;     // one sentence, safe to print
};

// A decision for one recipient.
struct Decision {
  int64_t generation = 0;
  std::string rule;
  std::string reason;
  std::string policy;
  int64_t policy_version = 0;
  std::string policy_scope;
  std::string quarantine;
  std::string would_be;  // packed; empty: none
  friend bool operator==(const Decision&, const Decision&) = default;
};

// A recipient of a message, as it is kept.
struct RecipientRow {
  std::string message;
  std::string recipient;
  std::string tenant;
  std::string address;  // lower case
  std::string domain;   // whose it is: see 0001_story.sql
  std::string account;
  int64_t direction = 0;
  int64_t accepted_at_us = 0;  // 0: only a delivery is known of it
  Decision decision;
  int64_t verdict = v1::VERDICT_UNSPECIFIED;
  int64_t verdict_at_us = 0;
  std::string reply;
  int64_t attempts = 0;
  friend bool operator==(const RecipientRow&, const RecipientRow&) = default;
};

// What one event says of a recipient: `row` has what it knows, and what it decides or not.
struct RecipientChange {
  RecipientRow row;
  std::optional<Decision> decision;
};

// `row` after `change`, whichever order events come in: the newest decision and the newest verdict
// win, and what is known of the message is never forgotten.
void Apply(const RecipientChange& change, RecipientRow& row);

struct RefusalRow {
  std::string refusal;
  std::string tenant;
  std::string domain;
  std::string account;
  int64_t at_us = 0;
  std::string session;
  std::string client_address;
  std::string helo;
  std::string sender;
  std::string recipient;
  std::string verb;
  std::string code;
  std::string reply;
  std::string reason;
};

struct AuditRow {
  std::string entry;
  std::string tenant;
  int64_t at_us = 0;
  std::string actor;
  std::string permission;
  std::string resource;
  bool allowed = false;
  std::string before;
  std::string after;
  std::string address;
  std::string trace;
};

// All that a batch of events changes.
struct Changes {
  std::vector<MessageRow> messages;
  std::vector<RecipientChange> recipients;
  std::vector<Entry> entries;
  std::vector<RefusalRow> refusals;
  std::vector<AuditRow> audit;
};

}  // namespace cleanmail::reporting
