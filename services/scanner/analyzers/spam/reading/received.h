#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::scanner::spam {

// One handover as a Received line tells it.
struct Relay {
  std::string ip;
  std::string rdns;
  std::string helo;
  std::string by;
  std::string id;
  std::string ident;
  std::string auth;  // how the client signed in; empty: not
  std::optional<std::string> envelope_from;
  bool no_reverse_dns = false;  // the server looked and found none
  bool ip_private = false;
  bool internal = false;
  bool msa = false;

  // As the pseudo header X-Spam-Relays-… shows it.
  std::string ToString() const;
};

// What a Received line is.
enum class ReceivedKind { kRelay, kNoHandover, kUnreadable, kFetched };
struct ReceivedLine {
  ReceivedKind kind = ReceivedKind::kUnreadable;
  Relay relay;
};
// Reads the value of a Received field in the forms of the servers that write them.
ReceivedLine ReadReceived(std::string_view value);

// Whose relays are believed. Without `configured`, private addresses and signed-in clients are.
struct TrustSettings {
  bool configured = false;
  std::function<bool(std::string_view ip)> trusted;
  std::function<bool(std::string_view ip)> internal;
  std::function<bool(std::string_view ip)> msa;
};

// The relays of a message, latest first.
struct Relays {
  std::vector<Relay> trusted;
  std::vector<Relay> untrusted;
  std::vector<Relay> internal;
  std::vector<Relay> external;
  int unreadable = 0;
  int last_trusted = -1;  // index among the Received lines
  int last_internal = -1;

  static std::string ToString(const std::vector<Relay>& relays);
};

// `lines`: values of the Received fields from the top. `originating`: addresses other fields name
// as the message's origin. `client`: the address that is known to have handed the message to the
// first relay of ours, and whose handover is in `lines`; those above it are ours, whatever `trust`
// says. Empty: only `trust` says.
Relays ReadRelays(const std::vector<std::string>& lines,
                  const std::vector<std::string>& originating, const TrustSettings& trust,
                  std::string_view client = {});

}  // namespace cleanmail::scanner::spam
