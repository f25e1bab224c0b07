#include "libs/net/loops.h"

#include <csignal>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include "absl/time/clock.h"
#include "libs/net/coroutines.h"
#include "libs/net/loop_core.h"
#include "libs/net/worker_pool.h"

namespace cleanmail::net {

Loop::Loop(int index) : core_(std::make_shared<Core>(index)) {}
Loop::~Loop() = default;

void Loop::Post(absl::AnyInvocable<void() &&> work) {
  if (core_->stopped.load()) return;
  boost::asio::post(core_->io, [work = std::move(work)]() mutable { std::move(work)(); });
}

bool Loop::Here() const { return core_->thread.get_id() == std::this_thread::get_id(); }
boost::asio::io_context& Loop::io() { return core_->io; }
std::shared_ptr<void> Loop::keep_alive() const { return core_; }
std::span<char> Loop::scratch() { return {core_->scratch.get(), Core::kScratch}; }
std::atomic<int64_t>& Loop::spawned() { return core_->spawned; }

std::unique_ptr<Loops> Loops::Create(int loops, int slow_threads) {
  std::signal(SIGPIPE,
              SIG_IGN);  // a peer that is gone is an error of the write, not the end of the process
  std::unique_ptr<Loops> made(new Loops());
  made->pool_ = std::make_unique<WorkerPool>(slow_threads);
  for (int i = 0; i < std::max(loops, 1); ++i) {
    made->loops_.push_back(std::make_unique<Loop>(i));
    Loop::Core& core = *made->loops_.back()->core_;
    core.thread = std::thread([&core] { core.io.run(); });
  }
  return made;
}

Loops::~Loops() { Stop(absl::Now()); }

Loop& Loops::Next() {
  return *loops_[next_.fetch_add(1, std::memory_order_relaxed) % loops_.size()];
}

void Loops::RunSlow(absl::AnyInvocable<void() &&> work) { pool_->Add(std::move(work)); }

int64_t Loops::spawned() const {
  int64_t all = 0;
  for (const std::unique_ptr<Loop>& loop : loops_) all += loop->core_->spawned.load();
  return all;
}

void Loops::CloseConnections() {
  for (const std::unique_ptr<Loop>& loop : loops_) {
    loop->Post([core = loop->core_.get()] { core->CloseAll(); });
  }
}

void Loops::Stop(absl::Time deadline) {
  if (stopped_.exchange(true)) return;
  CloseConnections();
  while (spawned() > 0 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
  for (const std::unique_ptr<Loop>& loop : loops_) {
    loop->core_->stopped.store(true);
    loop->core_->io.stop();
    loop->core_->thread.join();
  }
  pool_->Stop();
  // Coroutines that still wait are destroyed here, while what they refer to lives.
  for (const std::unique_ptr<Loop>& loop : loops_) loop->core_->io.Shutdown();
}

Task<void> Sleep(Loop& loop, absl::Duration duration) {
  boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                    boost::asio::wait_traits<std::chrono::steady_clock>,
                                    boost::asio::io_context::executor_type>
      timer(loop.io(), absl::ToChronoMicroseconds(duration));
  boost::system::error_code error;
  co_await timer.async_wait(boost::asio::redirect_error(boost::asio::use_awaitable, error));
}

}  // namespace cleanmail::net
