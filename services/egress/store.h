#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/store/sql/database.h"
#include "libs/store/sql/members.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::egress {

// The SQL that makes this room's tables.
std::vector<sql::Migration> Migrations();

// One message to one destination.
struct Delivery {
  std::string id;           // message/stage/destination: the same work has the same id
  std::string stage;        // `disposed/{generation}`, `released/{release}`, `copy/{stage}`,
                            // `notify/{stage}`, `notice/{stage}/{destination}/{attempt}`
  std::string destination;  // domain in A-labels, or an address literal in brackets
  std::vector<std::string> recipients;  // those not finished
  int32_t attempts = 0;                 // made so far
  int64_t created_at_us = 0;
  int64_t next_attempt_at_us = 0;
  std::string last_reply;
  mail::v1::Message message;
  std::vector<mail::v1::Action> actions;  // changes on the way
  bool delay_told = false;                // the sender has had a notice of delay
  bool parked = false;          // its destination is switched off: it waits until that changes
  std::string claimed_by = {};  // the member (libs/store/sql/members.h) that has it in hand
  std::string content;  // the mail itself when it is one of ours (a notice); otherwise empty: it is
                        // the blob tenant/message
};

// An address' domain in the form destinations have.
std::string DestinationOf(const std::string& address);

// What a server of a destination said it can do.
struct DestinationServer {
  std::string tenant;
  std::string destination;
  std::string route;   // the tenant's route it was found by; empty: MX
  std::string server;  // its name
  bool smtp_utf8 = false;
  bool eight_bit = false;
  int64_t max_size = 0;  // 0: no limit
  int64_t seen_at_us = 0;
};

// The tables of deliveries and of what destinations can do. All SQL of this room stands here.
class Store {
 public:
  explicit Store(sql::Database& database) : database_(database) {}

  absl::Status Transact(absl::FunctionRef<absl::Status(sql::Session&)> body) {
    return database_.Transact(body);
  }

  // Adds a delivery claimed by `owner`; false when it is there already.
  static absl::StatusOr<bool> Insert(sql::Session& session, const Delivery& delivery,
                                     std::string_view owner);
  // Ends a delivery.
  static absl::Status Finish(sql::Session& session, std::string_view id,
                             std::string_view last_reply, int64_t now_us);
  // Puts a delivery back with what is left of it, unless another has taken over its claim.
  static absl::Status Defer(sql::Session& session, const Delivery& delivery);

  // Puts a delivery aside until its destination is switched on; unless as above.
  static absl::Status Park(sql::Session& session, const Delivery& delivery);

  // A tenant's destination for which deliveries are parked.
  struct ParkedDestination {
    std::string tenant;
    std::string destination;
  };
  absl::StatusOr<std::vector<ParkedDestination>> ParkedDestinations();
  // Makes everything parked for it due, in the order it came; returns how many.
  absl::StatusOr<int64_t> Unpark(const ParkedDestination& which);
  // Claims parked deliveries made before `before_us`, unparked: their time is over.
  absl::StatusOr<std::vector<Delivery>> ClaimParkedBefore(std::string_view owner,
                                                          const ParkedDestination& which,
                                                          int64_t before_us, int64_t limit);

  // Claims deliveries that are due for `owner`, the longest due first.
  absl::StatusOr<std::vector<Delivery>> ClaimDue(std::string_view owner, int64_t now_us,
                                                 int64_t limit);
  // Strikes dead members off and gives back what nobody who is alive has claimed; returns how many.
  absl::StatusOr<int64_t> ReleaseClaimsOf(const std::vector<sql::Members::Dead>& dead);
  // Deliveries not finished, oldest first, after `after` (an id with its time: the last one's page
  // key).
  absl::StatusOr<std::vector<Delivery>> List(std::string_view tenant, std::string_view after,
                                             int64_t limit);
  // Makes deferred deliveries due now; `message` empty: all of the tenant; `tenant` empty: all
  // tenants.
  absl::StatusOr<int64_t> MakeDue(std::string_view tenant, std::string_view message,
                                  int64_t now_us);
  // The same for all that waits for one destination of a tenant.
  absl::StatusOr<int64_t> MakeDestinationDue(std::string_view tenant, std::string_view destination,
                                             int64_t now_us);
  // Deletes rows finished before `before_us`.
  absl::StatusOr<int64_t> ForgetFinished(int64_t before_us);
  // Deliveries not finished.
  absl::StatusOr<int64_t> CountOpen();

  // Keeps what servers said, instead of what they said before; deletes what was seen before
  // `oldest_us`.
  absl::Status SaveServers(const std::vector<DestinationServer>& servers, int64_t oldest_us);
  absl::StatusOr<std::vector<DestinationServer>> ServersSeenSince(int64_t since_us);

 private:
  sql::Database& database_;
};

// Key of a page that ends with this delivery.
std::string PageKey(const Delivery& delivery);

}  // namespace cleanmail::egress
