#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/mail/smtp/server_machine.h"
#include "libs/net/listener.h"
#include "libs/net/loops.h"

namespace cleanmail::sink {

// A mail as it arrived.
struct Mail {
  std::string sender;
  std::vector<std::string> recipients;
  std::string content;
};

// A mailbox server that is not one: takes mail and keeps or counts it; misbehaves when told.
// Thread-safe.
class Sink {
 public:
  enum class Mode {
    kAccept,
    kDefer,         // 451 to every recipient
    kRefuse,        // 550 to every recipient
    kDeferAtEnd,    // 451 after the message
    kHang,          // takes the connection and says nothing
    kCloseMidData,  // closes after the first bytes of a message
    kCloseUnacked,  // takes the whole message and closes without an answer
  };
  struct Options {
    std::string address = "127.0.0.1:0";
    bool keep = true;  // whole mails; else only their number
    size_t content_limit =
        SIZE_MAX;               // bytes of a mail that are looked at; the rest is only received
    int64_t message_bytes = 0;  // SIZE it names; 0: none
    std::function<void(const Mail&)> on_mail;  // called before the 250, on the connection's thread
  };
  static absl::StatusOr<std::unique_ptr<Sink>> Start(net::Loops& loops, Options options);
  ~Sink();

  uint16_t port() const { return listener_->port(); }
  void SetMode(Mode mode) { mode_.store(mode); }
  int64_t count() const { return count_.load(); }
  int64_t connections() const { return connections_.load(); }
  // What has arrived so far.
  std::vector<Mail> Mails() const;
  // Waits until `number` mails have arrived; false when they have not by then.
  bool WaitFor(int64_t number, absl::Duration patience) const;

 private:
  struct Conversation;
  explicit Sink(net::Loops& loops, Options options);
  void Converse(std::unique_ptr<net::Connection> connection);

  net::Loops& loops_;
  const Options options_;
  mail::smtp::ServerOptions server_options_;
  std::unique_ptr<net::Listener> listener_;
  std::atomic<Mode> mode_{Mode::kAccept};
  std::atomic<int64_t> count_{0};
  std::atomic<int64_t> connections_{0};
  mutable absl::Mutex mutex_;
  std::vector<Mail> mails_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::sink
