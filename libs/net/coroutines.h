#pragma once

#include <exception>
#include <memory>
#include <utility>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "libs/net/loops.h"

// gcc 12 sees a mismatch of new and delete in every optimised coroutine of Asio's, where the
// coroutine is written.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

// How the coroutines of connections are started and how they wait. The only header through which
// others see Asio.
namespace cleanmail::net {

template <class T>
using Task = boost::asio::awaitable<T>;

// Runs the coroutine that `make` returns on `loop`. `make` (a lambda with its captures, say) lives
// until the coroutine has ended. A coroutine that throws ends the process. Thread-safe.
template <class Make>
void Spawn(Loop& loop, Make make) {
  std::atomic<int64_t>& spawned = loop.spawned();
  spawned.fetch_add(1);
  boost::asio::co_spawn(loop.io(), std::move(make), [&spawned](std::exception_ptr thrown) noexcept {
    if (thrown != nullptr) std::rethrow_exception(thrown);  // ends the process with its text
    spawned.fetch_sub(1);
  });
}

// Suspends until `start`'s callback is called (exactly once, on any thread, perhaps before `start`
// returns), then goes on, on `loop`, with what it was called with. `loop` must be the loop this
// coroutine runs on.
//   absl::Status kept = co_await Await<absl::Status>(loop, [&](auto done) {
//   bus.Publish(std::move(p), std::move(done)); });
template <class T, class Start>
Task<T> Await(Loop& loop, Start start) {
  co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<>, void(T)>(
      [&loop](auto handler, auto begin) {
        begin(absl::AnyInvocable<void(T) &&>([alive = loop.keep_alive(), &io = loop.io(),
                                              handler = std::move(handler)](T value) mutable {
          boost::asio::post(io, [handler = std::move(handler), value = std::move(value)]() mutable {
            std::move(handler)(std::move(value));
          });
        }));
      },
      boost::asio::use_awaitable, std::move(start));
}

// Runs `work`, which may block, on the pool of `loops` and goes on, on `loop`, with its result.
template <class Work, class T = std::invoke_result_t<Work>>
Task<T> OnPool(Loops& loops, Loop& loop, Work work) {
  // Named, since gcc 12 destroys a temporary with captures in a co_await expression twice.
  auto start = [&loops, work = std::move(work)](absl::AnyInvocable<void(T) &&> done) mutable {
    loops.RunSlow(
        [work = std::move(work), done = std::move(done)]() mutable { std::move(done)(work()); });
  };
  co_return co_await Await<T>(loop, std::move(start));
}

// Goes on after `duration`, on the same loop.
Task<void> Sleep(Loop& loop, absl::Duration duration);

}  // namespace cleanmail::net
