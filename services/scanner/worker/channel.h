#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace cleanmail::scanner::worker {

// Owns a file descriptor.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    if (this != &other) {
      Close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Descriptor() { Close(); }

  int get() const { return fd_; }
  bool open() const { return fd_ >= 0; }
  int Release() { return std::exchange(fd_, -1); }
  void Close();

 private:
  int fd_ = -1;
};

// One packet: bytes, and a descriptor that may go along.
struct Packet {
  std::string bytes;
  Descriptor descriptor;
};

// One end of a pair of packet sockets between two processes. Not thread-safe.
class Channel {
 public:
  static constexpr size_t kLongestPacket = 128 << 10;

  Channel() = default;
  explicit Channel(Descriptor socket) : socket_(std::move(socket)) {}
  static absl::StatusOr<std::pair<Channel, Channel>> MakePair();

  // InvalidArgument: longer than kLongestPacket. Unavailable: the other end is gone.
  absl::Status Send(std::string_view bytes, int descriptor = -1);
  // Unavailable: the other end is gone. DeadlineExceeded: nothing came in time.
  absl::StatusOr<Packet> Receive(absl::Time deadline);
  int descriptor() const { return socket_.get(); }
  Descriptor TakeDescriptor() { return std::move(socket_); }

 private:
  Descriptor socket_;
};

}  // namespace cleanmail::scanner::worker
