#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "libs/net/loops.h"

// Private to libs/net: what a loop is made of.
namespace cleanmail::net {

// One connection's place in its loop's list, so that all can be closed. Touched on the loop's
// thread.
struct ConnectionLink {
  ConnectionLink* next = nullptr;
  ConnectionLink** previous = nullptr;
  virtual void CloseNow() = 0;

 protected:
  ~ConnectionLink() = default;
};

// An io_context that can let go of all that waits in it before it is destroyed.
class StoppableContext : public boost::asio::io_context {
 public:
  StoppableContext() : boost::asio::io_context(1) {}  // one thread runs it
  void Shutdown() { shutdown(); }
};

struct Loop::Core {
  static constexpr size_t kScratch = 64 * 1024;

  explicit Core(int i) : index(i), scratch(new char[kScratch]), work(io.get_executor()) {
    // Asio opens its own descriptors at first use and throws when there are none left: let that be
    // now.
    boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                      boost::asio::wait_traits<std::chrono::steady_clock>,
                                      boost::asio::io_context::executor_type>(io.get_executor());
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>(
        io.get_executor());
  }

  void Link(ConnectionLink& link) {
    link.next = connections;
    link.previous = &connections;
    if (connections != nullptr) connections->previous = &link.next;
    connections = &link;
  }
  static void Unlink(ConnectionLink& link) {
    if (link.previous == nullptr) return;
    *link.previous = link.next;
    if (link.next != nullptr) link.next->previous = link.previous;
    link.previous = nullptr;
  }
  void CloseAll() {
    for (ConnectionLink* link = connections; link != nullptr;) {
      ConnectionLink* const next =
          link->next;  // closing wakes by the queue, so the list does not change here
      link->CloseNow();
      link = next;
    }
  }

  const int index;
  std::unique_ptr<char[]> scratch;
  ConnectionLink* connections = nullptr;
  std::atomic<int64_t> spawned{0};
  std::atomic<bool> stopped{false};
  StoppableContext io;  // after what its coroutines use: they may be destroyed with it
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::thread thread;
};

}  // namespace cleanmail::net
