#pragma once

#include <utility>

#include "absl/synchronization/notification.h"
#include "libs/net/coroutines.h"

namespace cleanmail::net {

// Runs `body(loop)`, a coroutine, on a loop and waits for its end. For tests, on a thread that is
// no loop's.
template <class Body>
void RunTask(Loops& loops, Body body) {
  absl::Notification done;
  Loop& loop = loops.Next();
  Spawn(loop, [&]() -> Task<void> {
    co_await body(loop);
    done.Notify();
  });
  done.WaitForNotification();
}

}  // namespace cleanmail::net
