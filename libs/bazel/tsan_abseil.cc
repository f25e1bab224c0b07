// Debian's abseil is not built for ThreadSanitizer, which therefore does not see that its mutexes
// order anything and reports races that are none. In such builds the functions below stand before
// abseil's own (the program's symbols win over a shared library's), call them, and tell the
// sanitizer. In all other builds this file is empty.
#if defined(__SANITIZE_THREAD__)

#include <dlfcn.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

extern "C" {
void __tsan_acquire(void* address);
void __tsan_release(void* address);
void AnnotateIgnoreReadsBegin(const char* file, int line);
void AnnotateIgnoreReadsEnd(const char* file, int line);
}

namespace {

// Abseil's function of that mangled name. `Function` is the member function as a plain one.
template <class Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// A thread that unlocks evaluates the conditions of those who wait, after we have said "released":
// those reads are in order.
class IgnoreConditions {
 public:
  IgnoreConditions() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~IgnoreConditions() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

void* Address(const void* object) { return const_cast<void*>(object); }

}  // namespace

namespace absl {
ABSL_NAMESPACE_BEGIN

#define CLEANMAIL_MUTEX "_ZN4absl7debian35Mutex"

void Mutex::Lock() {
  static auto* const real = Real<void(Mutex*)>(CLEANMAIL_MUTEX "4LockEv");
  real(this);
  __tsan_acquire(this);
}

bool Mutex::TryLock() {
  static auto* const real = Real<bool(Mutex*)>(CLEANMAIL_MUTEX "7TryLockEv");
  const bool locked = real(this);
  if (locked) __tsan_acquire(this);
  return locked;
}

void Mutex::Unlock() {
  static auto* const real = Real<void(Mutex*)>(CLEANMAIL_MUTEX "6UnlockEv");
  __tsan_release(this);
  const IgnoreConditions ignore;
  real(this);
}

void Mutex::ReaderLock() {
  static auto* const real = Real<void(Mutex*)>(CLEANMAIL_MUTEX "10ReaderLockEv");
  real(this);
  __tsan_acquire(this);
}

void Mutex::ReaderUnlock() {
  static auto* const real = Real<void(Mutex*)>(CLEANMAIL_MUTEX "12ReaderUnlockEv");
  __tsan_release(this);
  const IgnoreConditions ignore;
  real(this);
}

void Mutex::LockWhen(const Condition& condition) {
  static auto* const real =
      Real<void(Mutex*, const Condition&)>(CLEANMAIL_MUTEX "8LockWhenERKNS0_9ConditionE");
  const IgnoreConditions ignore;
  real(this, condition);
  __tsan_acquire(this);
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Duration)>(
      CLEANMAIL_MUTEX "19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  const IgnoreConditions ignore;
  const bool held = real(this, condition, timeout);
  __tsan_acquire(this);
  return held;
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, Time deadline) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Time)>(
      CLEANMAIL_MUTEX "20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  const IgnoreConditions ignore;
  const bool held = real(this, condition, deadline);
  __tsan_acquire(this);
  return held;
}

void Mutex::Await(const Condition& condition) {
  static auto* const real =
      Real<void(Mutex*, const Condition&)>(CLEANMAIL_MUTEX "5AwaitERKNS0_9ConditionE");
  __tsan_release(this);
  const IgnoreConditions ignore;
  real(this, condition);
  __tsan_acquire(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, Duration timeout) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Duration)>(
      CLEANMAIL_MUTEX "16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  __tsan_release(this);
  const IgnoreConditions ignore;
  const bool held = real(this, condition, timeout);
  __tsan_acquire(this);
  return held;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, Time deadline) {
  static auto* const real = Real<bool(Mutex*, const Condition&, Time)>(
      CLEANMAIL_MUTEX "17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  __tsan_release(this);
  const IgnoreConditions ignore;
  const bool held = real(this, condition, deadline);
  __tsan_acquire(this);
  return held;
}

#define CLEANMAIL_CONDVAR "_ZN4absl7debian37CondVar"

void CondVar::Wait(Mutex* mutex) {
  static auto* const real = Real<void(CondVar*, Mutex*)>(CLEANMAIL_CONDVAR "4WaitEPNS0_5MutexE");
  __tsan_release(mutex);
  const IgnoreConditions ignore;
  real(this, mutex);
  __tsan_acquire(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, Duration timeout) {
  static auto* const real = Real<bool(CondVar*, Mutex*, Duration)>(
      CLEANMAIL_CONDVAR "15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  __tsan_release(mutex);
  const IgnoreConditions ignore;
  const bool timed_out = real(this, mutex, timeout);
  __tsan_acquire(mutex);
  return timed_out;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, Time deadline) {
  static auto* const real = Real<bool(CondVar*, Mutex*, Time)>(
      CLEANMAIL_CONDVAR "16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  __tsan_release(mutex);
  const IgnoreConditions ignore;
  const bool timed_out = real(this, mutex, deadline);
  __tsan_acquire(mutex);
  return timed_out;
}

#define CLEANMAIL_NOTIFICATION "_ZN4absl7debian312Notification"
#define CLEANMAIL_CONST_NOTIFICATION "_ZNK4absl7debian312Notification"

void Notification::Notify() {
  static auto* const real = Real<void(Notification*)>(CLEANMAIL_NOTIFICATION "6NotifyEv");
  __tsan_release(this);
  real(this);
}

void Notification::WaitForNotification() const {
  static auto* const real =
      Real<void(const Notification*)>(CLEANMAIL_CONST_NOTIFICATION "19WaitForNotificationEv");
  real(this);
  __tsan_acquire(Address(this));
}

bool Notification::WaitForNotificationWithTimeout(Duration timeout) const {
  static auto* const real = Real<bool(const Notification*, Duration)>(
      CLEANMAIL_CONST_NOTIFICATION "30WaitForNotificationWithTimeoutENS0_8DurationE");
  const bool notified = real(this, timeout);
  if (notified) __tsan_acquire(Address(this));
  return notified;
}

bool Notification::WaitForNotificationWithDeadline(Time deadline) const {
  static auto* const real = Real<bool(const Notification*, Time)>(
      CLEANMAIL_CONST_NOTIFICATION "31WaitForNotificationWithDeadlineENS0_4TimeE");
  const bool notified = real(this, deadline);
  if (notified) __tsan_acquire(Address(this));
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl

#endif  // __SANITIZE_THREAD__
