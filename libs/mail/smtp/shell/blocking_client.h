#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/mail/smtp/client_machine.h"
#include "libs/net/host_port.h"

namespace cleanmail::mail::smtp {

// A client that blocks its thread: for command lines and load, where one thread a connection is the
// simplest thing. Without TLS. Egress has its own shell on the event loops. Not thread-safe.
class BlockingClient {
 public:
  // Connects to an address and says hello. Unavailable: nobody there, or no greeting;
  // FailedPrecondition: the server refused the conversation. `options.tls` is ignored. `opening` is
  // sent before anything is read: a PROXY header.
  static absl::StatusOr<std::unique_ptr<BlockingClient>> Connect(
      const net::HostPort& server, ClientOptions options,
      absl::Duration patience = absl::Minutes(1), std::string_view opening = {});
  ~BlockingClient();
  BlockingClient(const BlockingClient&) = delete;
  BlockingClient& operator=(const BlockingClient&) = delete;

  // One outcome for each recipient.
  std::vector<Outcome> Send(Transaction transaction, std::string_view body);
  // When the last byte of the last message had been handed to the kernel: what a reply's delay is
  // measured from.
  absl::Time data_sent() const { return data_sent_; }
  bool usable() const { return machine_.want() == ClientWant::kTransaction; }
  // Says goodbye and waits for the answer.
  void Quit();

 private:
  BlockingClient(int fd, ClientOptions options, absl::Duration patience)
      : fd_(fd), patience_(patience), machine_(std::move(options)) {}
  void Drive(std::string_view body, std::vector<Outcome>* outcomes);
  bool Write(std::string_view bytes);
  std::string Read();

  const int fd_;
  const absl::Duration patience_;
  ClientMachine machine_;
  absl::Time data_sent_;
};

}  // namespace cleanmail::mail::smtp
