#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "libs/base/clock.h"
#include "libs/directory/directory.h"
#include "libs/mail/mime/header_block.h"
#include "libs/net/exchange.h"
#include "libs/net/listener.h"
#include "libs/net/prefix.h"
#include "libs/telemetry/log.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "services/scanner/metrics.h"
#include "services/scanner/scan.h"
#include "services/scanner/spamd/response.h"

// The door for other mail servers, which ask by SpamAssassin's protocol.
namespace cleanmail::scanner::spamd {

struct DoorOptions {
  Speaker speaker;
  std::string tenant = {};  // of requests whose User is nobody's
  net::PrefixSet clients = {};
  size_t message_bytes = 10 << 20;
};

// From the configuration. InvalidArgument names the setting.
absl::StatusOr<DoorOptions> ToDoorOptions(const v1::Spamd& settings, Speaker speaker);

// Where it listens. InvalidArgument names the setting.
absl::StatusOr<net::ListenOptions> ToListenOptions(const v1::Spamd& settings);

// What a door works with; all of it outlives it.
struct DoorParts {
  Scan& scan;
  const directory::Directory& directory;
  const base::Clock& clock;
  telemetry::Log& mail_log;
  Metrics& metrics;
};

// Answers spamc's requests. Thread-safe.
class Door {
 public:
  Door(DoorOptions options, DoorParts parts) : options_(std::move(options)), parts_(parts) {}

  // A request of a client; null: he may not ask. Clients of a path (`unix:`) may.
  std::unique_ptr<net::Request> Begin(const net::IpAddress& client) const;
  // The answer to a request that is complete, or none. Blocks while the message is looked at.
  std::string Answer(const RequestReader& request, const net::IpAddress& client) const;

  const DoorOptions& options() const { return options_; }

 private:
  mail::v1::Message MessageOf(const RequestReader& request, std::string_view bytes) const;
  std::string AnswerAbout(const RequestReader& request, const net::IpAddress& client) const;

  const DoorOptions options_;
  const DoorParts parts_;
};

// What the message itself says of how it came to the server that asks: the client in the Received
// field on top, which that server wrote, and the sender in a Return-Path above it.
void ReadArrival(const mail::mime::HeaderBlock& header, mail::v1::Message& message);

}  // namespace cleanmail::scanner::spamd
