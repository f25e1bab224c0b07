#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "libs/net/connection.h"
#include "libs/net/loops.h"
#include "libs/testing/dialogue.h"

namespace cleanmail::testing {

// A dialogue's way to a server on loopback. Blocks; made and used on a thread that is no loop's.
class SocketTransport final : public Transport {
 public:
  // Connects to 127.0.0.1. `patience`: how long a line may take.
  static absl::StatusOr<std::unique_ptr<SocketTransport>> Connect(
      net::Loops& loops, uint16_t port, absl::Duration patience = absl::Seconds(10));
  ~SocketTransport() override;

  absl::Status Send(std::string_view bytes) override;
  absl::StatusOr<std::string> ReadLine() override;
  absl::Status StartTls() override;
  // Closes our end.
  void Close();

 private:
  explicit SocketTransport(absl::Duration patience) : patience_(patience) {}

  const absl::Duration patience_;
  net::Loop* loop_ = nullptr;
  std::unique_ptr<net::Connection> connection_;
  std::string buffer_;
};

}  // namespace cleanmail::testing
