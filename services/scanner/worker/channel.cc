#include "services/scanner/worker/channel.h"

#include <cerrno>
#include <cstring>

#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {
namespace {

absl::Status Broken(std::string_view what) {
  return absl::UnavailableError(base::Cat(what, ": ", std::strerror(errno)));
}

// Room for one descriptor, aligned as the kernel wants it.
union Control {
  cmsghdr header;
  char room[CMSG_SPACE(sizeof(int))];
};

}  // namespace

void Descriptor::Close() {
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

absl::StatusOr<std::pair<Channel, Channel>> Channel::MakePair() {
  int sockets[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) != 0)
    return Broken("socketpair");
  return std::pair{Channel(Descriptor(sockets[0])), Channel(Descriptor(sockets[1]))};
}

absl::Status Channel::Send(std::string_view bytes, int descriptor) {
  if (bytes.size() > kLongestPacket)
    return absl::InvalidArgumentError(base::Cat("a packet of ", bytes.size(), " bytes"));
  iovec data = {.iov_base = const_cast<char*>(bytes.data()), .iov_len = bytes.size()};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  Control control = {};
  if (descriptor >= 0) {
    message.msg_control = control.room;
    message.msg_controllen = sizeof(control.room);
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
  }
  while (sendmsg(socket_.get(), &message, MSG_NOSIGNAL) < 0) {
    if (errno != EINTR) return Broken("send");
  }
  return absl::OkStatus();
}

absl::StatusOr<Packet> Channel::Receive(absl::Time deadline) {
  while (true) {
    const int64_t millis =
        deadline == absl::InfiniteFuture()
            ? -1
            : std::max<int64_t>(0, absl::ToInt64Milliseconds(
                                       absl::Ceil(deadline - absl::Now(), absl::Milliseconds(1))));
    pollfd wait = {.fd = socket_.get(), .events = POLLIN, .revents = 0};
    const int ready = poll(&wait, 1, static_cast<int>(std::min<int64_t>(millis, 1 << 30)));
    if (ready > 0) break;
    if (ready == 0) return absl::DeadlineExceededError("no answer in time");
    if (errno != EINTR) return Broken("poll");
  }
  Packet packet;
  packet.bytes.resize(kLongestPacket + 1);
  iovec data = {.iov_base = packet.bytes.data(), .iov_len = packet.bytes.size()};
  Control control = {};
  msghdr message = {};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.room;
  message.msg_controllen = sizeof(control.room);
  ssize_t size = 0;
  while ((size = recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno != EINTR) return Broken("receive");
  }
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    int descriptor = -1;
    std::memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
    packet.descriptor = Descriptor(descriptor);
  }
  if (size == 0) return absl::UnavailableError("the other end is gone");
  if (static_cast<size_t>(size) > kLongestPacket)
    return absl::UnavailableError("a packet beyond the limit");
  packet.bytes.resize(static_cast<size_t>(size));
  return packet;
}

}  // namespace cleanmail::scanner::worker
