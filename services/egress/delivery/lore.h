#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "libs/base/clock.h"
#include "libs/mail/smtp/client_machine.h"
#include "services/egress/routing/router.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

// What destinations can do, as their servers said in EHLO within the last day: learnt by every
// conversation, kept in memory and, a little later, in the table, where other processes of this
// room find it. A route that changes makes what was known of its destination unknown. Thread-safe.
class Lore {
 public:
  // What all servers known of a destination lack, it lacks.
  struct Abilities {
    bool smtp_utf8 = false;
    bool eight_bit = false;
    int64_t max_size = 0;  // octets of a message (RFC 1870); 0: no limit known
  };

  // All outlive it.
  Lore(Store& store, const Router& router, const base::Clock& clock)
      : store_(store), router_(router), clock_(clock) {}

  void Learn(std::string_view tenant, std::string_view destination, std::string_view server,
             const mail::smtp::ClientMachine::Extensions& extensions);
  // nullopt: nothing is known.
  std::optional<Abilities> Of(std::string_view tenant, std::string_view destination) const;

  // Writes what was learnt, reads what others have written, forgets what is older than a day. For a
  // timer; may block.
  absl::Status Sync();

 private:
  using Key = std::string;  // tenant, destination, route, server; each ended by a newline

  Key KeyOf(std::string_view tenant, std::string_view destination) const;

  Store& store_;
  const Router& router_;
  const base::Clock& clock_;
  mutable absl::Mutex mutex_;
  std::map<Key, DestinationServer, std::less<>> servers_ ABSL_GUARDED_BY(mutex_);
  std::vector<Key> unwritten_ ABSL_GUARDED_BY(mutex_);
  int64_t read_until_us_ = 0;  // Sync's own
};

}  // namespace cleanmail::egress
