#include "services/ingress/session/sessions.h"

#include <thread>

#include "services/ingress/session/session.h"

namespace cleanmail::ingress {

void Sessions::Take(std::unique_ptr<net::Connection> connection) {
  net::Loop& loop = connection->loop();
  auto session = std::make_unique<Session>(*this, std::move(connection));
  net::Spawn(loop, [session = std::move(session)]() -> net::Task<void> { return session->Run(); });
}

void Sessions::Drain(absl::Time deadline) {
  draining_.store(true);
  while (messages_in_hand_.load() > 0 && absl::Now() < deadline)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

}  // namespace cleanmail::ingress
