#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"

// Numbers to watch, in Prometheus' text form. Names are `cleanmail_<service>_<what>_<unit or
// total>`; labels come from closed sets (never an address, domain or id).
namespace cleanmail::telemetry {

using Labels = std::vector<std::pair<std::string, std::string>>;

// Only goes up. Thread-safe.
class Counter {
 public:
  void Add(int64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Goes up and down. Thread-safe.
class Gauge {
 public:
  void Add(int64_t amount) { value_.fetch_add(amount, std::memory_order_relaxed); }
  void Set(int64_t value) { value_.store(value, std::memory_order_relaxed); }
  int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// Counts observations by size; bounds are fixed at birth. Thread-safe.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds);
  void Observe(double value);
  const std::vector<double>& bounds() const { return bounds_; }
  int64_t bucket(size_t i) const {
    return buckets_[i].load(std::memory_order_relaxed);
  }  // not cumulative
  int64_t count() const { return count_.load(std::memory_order_relaxed); }
  double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
  const std::vector<double> bounds_;
  std::unique_ptr<std::atomic<int64_t>[]> buckets_;
  std::atomic<int64_t> count_{0};
  std::atomic<double> sum_{0};
};

// Seconds, from a tenth of a millisecond to a minute.
std::vector<double> LatencyBounds();

// All metrics of a process. Registering one name and labels twice gives the same metric. References
// live as long as the registry. Thread-safe.
class MetricsRegistry {
 public:
  MetricsRegistry();
  ~MetricsRegistry();
  Counter& AddCounter(std::string_view name, std::string_view help, Labels labels = {});
  Gauge& AddGauge(std::string_view name, std::string_view help, Labels labels = {});
  Histogram& AddHistogram(std::string_view name, std::string_view help, std::vector<double> bounds,
                          Labels labels = {});
  // A gauge computed when read. `read` must be thread-safe, live until RemoveCallbacks(owner), and
  // may take locks under which other threads add counters, but must not add or remove callbacks
  // itself.
  void AddCallback(const void* owner, std::string_view name, std::string_view help, Labels labels,
                   std::function<double()> read);
  void RemoveCallbacks(const void* owner);
  // Prometheus text exposition format 0.0.4.
  std::string Text() const;
  // Names of everything registered, for the test that compares them with a README.
  std::vector<std::string> Names() const;

 private:
  struct Family;
  struct Member;
  Family& FamilyOf(std::string_view name, std::string_view help, std::string_view type)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Held while callbacks are read, and never taken by counters: a callback may wait for a lock
  // whose holder adds one.
  mutable absl::Mutex callbacks_mutex_ ABSL_ACQUIRED_BEFORE(mutex_);
  mutable absl::Mutex mutex_;
  std::deque<std::unique_ptr<Family>> families_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace cleanmail::telemetry
