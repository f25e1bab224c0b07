#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/net/loops.h"
#include "libs/store/blob/blob_store.h"
#include "proto/cleanmail/egress/v1/events.pb.h"
#include "services/egress/delivery/lore.h"
#include "services/egress/delivery/sealer.h"
#include "services/egress/delivery/session.h"
#include "services/egress/metrics.h"
#include "services/egress/store.h"

namespace cleanmail::egress {

// How an attempt ended.
struct Attempt {
  std::vector<v1::RecipientDelivery>
      recipients;      // one for each of the delivery's, in order; DELIVERED, DEFERRED or REFUSED
  std::string remote;  // server spoken to last
  std::string tls;
  bool server_notifies = false;  // the server that took the transaction offers DSN (RFC 3461)
  // The header of the message, or all of it, where a notice may want to quote it.
  std::string original;
  bool original_is_whole = false;
  // Nothing says where mail for this domain of the tenant's own goes: a route would.
  bool wants_route = false;
};

// Makes one attempt at a delivery: finds the servers, speaks with one after another until one has
// taken the transaction.
class Courier {
 public:
  Courier(net::Loops& loops, Router& router, blob::BlobStore& blobs, const net::TlsContext& tls,
          SessionOptions options, int messages_per_session, Lore& lore, Metrics& metrics,
          const Sealer* sealer = nullptr)
      : loops_(loops),
        router_(router),
        blobs_(blobs),
        tls_(tls),
        options_(std::move(options)),
        messages_per_session_(messages_per_session),
        lore_(lore),
        metrics_(metrics),
        sealer_(sealer) {}

  // `session` is one kept from an earlier message to the same destination, or null; afterwards it
  // holds one that may be used again, or null. Runs on `loop`.
  net::Task<Attempt> Try(net::Loop& loop, std::unique_ptr<Session>& session,
                         const Delivery& delivery);

 private:
  bool IsHosted(const Delivery& delivery) const;
  net::Task<absl::StatusOr<std::string>> Body(net::Loop& loop, const Delivery& delivery);
  std::string Changed(std::string body, const Delivery& delivery) const;
  net::Task<std::vector<mail::smtp::Outcome>> Over(Session& session, const Delivery& delivery,
                                                   std::string_view body);

  net::Loops& loops_;
  Router& router_;
  blob::BlobStore& blobs_;
  const net::TlsContext& tls_;
  const SessionOptions options_;
  const int messages_per_session_;
  Lore& lore_;
  Metrics& metrics_;
  const Sealer* const sealer_;  // null: mail is not sealed
};

}  // namespace cleanmail::egress
