#pragma once

#include <memory>
#include <string>

#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/http/server.h"
#include "libs/rpc/peers.h"
#include "libs/store/kv/kv_store.h"
#include "libs/telemetry/log.h"
#include "services/portal/http/contracts.h"
#include "services/portal/http/transcoder.h"
#include "services/portal/metrics.h"
#include "services/portal/store.h"
#include "services/portal/tokens.h"

namespace cleanmail::portal {

// The REST door: finds the method of a request, who asks, and whether he may ask that often; calls
// the method in its room and tells the answer. Thread-safe; may block as long as a call takes.
class Door {
 public:
  // All outlive it.
  struct Parts {
    const Contracts& contracts;
    Tokens& tokens;
    Store& store;
    rpc::Channels& channels;
    kv::KvStore& kv;
    const base::Clock& clock;
    base::Random& random;
    telemetry::Log& log;
    Metrics& metrics;
  };
  struct Settings {
    int requests_per_second = 50;
    bool tls = false;  // say so to browsers
  };
  Door(const Parts& parts, const Settings& settings);

  // `local`: over the socket only its owner may enter, who is an operator without a token.
  http::Response Answer(const http::Request& request, bool local);

 private:
  struct Asked {
    const http::Request& request;
    bool local;
    std::string trace;  // traceparent
  };
  struct Found {
    const Route* route = nullptr;
    PathValues values;
    std::string allow;  // methods of the path; empty: there is no such path
  };
  struct Turn;  // what rate limits say

  http::Response Page(const Asked& asked);
  http::Response PublicFile(const Asked& asked, std::string_view method);
  http::Response Method(const Asked& asked);
  http::Response Call(const Asked& asked, const Found& found, const rpc::Caller& caller);
  http::Response CallOnce(const Asked& asked, const Found& found, const rpc::Caller& caller,
                          std::string_view key);
  Found Find(std::string_view method, std::string_view path) const;
  absl::StatusOr<rpc::Caller> Who(const Asked& asked);
  // OK, or ResourceExhausted; adds what is left to `headers`.
  absl::Status TakeTurn(const rpc::Caller& caller, std::vector<http::Header>& headers);
  http::Response Refusal(const Asked& asked, int status, std::string_view detail = {},
                         std::string_view reason = {}) const;
  http::Response Refusal(const Asked& asked, const absl::Status& status) const;

  // What a room answered to a caller.
  http::Response Told(const Asked& asked, const absl::Status& status,
                      const rpc::Caller& caller) const;

  const Parts parts_;
  const Settings settings_;
  const std::string openapi_;
};

}  // namespace cleanmail::portal
