#include "libs/telemetry/metrics.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "absl/synchronization/mutex.h"

namespace cleanmail::telemetry {
namespace {

TEST(Metrics, CountersAndGaugesStandInPrometheusForm) {
  MetricsRegistry registry;
  registry.AddCounter("cleanmail_ingress_sessions_total", "Sessions.", {{"listener", "mx"}}).Add(3);
  registry.AddCounter("cleanmail_ingress_sessions_total", "Sessions.", {{"listener", "out"}}).Add();
  registry.AddGauge("cleanmail_ingress_open_sessions", "Open now.").Set(-2);
  EXPECT_EQ(registry.Text(),
            "# HELP cleanmail_ingress_sessions_total Sessions.\n"
            "# TYPE cleanmail_ingress_sessions_total counter\n"
            "cleanmail_ingress_sessions_total{listener=\"mx\"} 3\n"
            "cleanmail_ingress_sessions_total{listener=\"out\"} 1\n"
            "# HELP cleanmail_ingress_open_sessions Open now.\n"
            "# TYPE cleanmail_ingress_open_sessions gauge\n"
            "cleanmail_ingress_open_sessions -2\n");
}

TEST(Metrics, TheSameNameAndLabelsAreOneMetric) {
  MetricsRegistry registry;
  EXPECT_EQ(&registry.AddCounter("a_total", "A.", {{"x", "1"}}),
            &registry.AddCounter("a_total", "A.", {{"x", "1"}}));
  EXPECT_NE(&registry.AddCounter("a_total", "A.", {{"x", "1"}}),
            &registry.AddCounter("a_total", "A.", {{"x", "2"}}));
  EXPECT_EQ(registry.Names(), std::vector<std::string>{"a_total"});
}

TEST(Metrics, AHistogramIsCumulative) {
  MetricsRegistry registry;
  Histogram& histogram = registry.AddHistogram("a_seconds", "A.", {0.1, 1});
  for (const double value : {0.05, 0.1, 0.5, 7.0}) histogram.Observe(value);
  EXPECT_EQ(registry.Text(),
            "# HELP a_seconds A.\n# TYPE a_seconds histogram\n"
            "a_seconds_bucket{le=\"0.1\"} 2\na_seconds_bucket{le=\"1\"} "
            "3\na_seconds_bucket{le=\"+Inf\"} 4\n"
            "a_seconds_sum 7.65\na_seconds_count 4\n");
}

TEST(Metrics, ACallbackIsReadWhenAskedAndGoesWithItsOwner) {
  MetricsRegistry registry;
  int owner = 0;
  double value = 1;
  registry.AddCallback(&owner, "a_lag", "Lag.", {{"topic", "x\"y\\z"}}, [&value] { return value; });
  value = 2.5;
  EXPECT_NE(registry.Text().find("a_lag{topic=\"x\\\"y\\\\z\"} 2.5\n"), std::string::npos)
      << registry.Text();
  registry.RemoveCallbacks(&owner);
  EXPECT_EQ(registry.Text().find("a_lag{"), std::string::npos);
}

TEST(Metrics, ACallbackMayWaitForALockWhoseHolderCounts) {
  MetricsRegistry registry;
  absl::Mutex mutex;
  int owner = 0;
  registry.AddCallback(&owner, "a_lag", "Lag.", {}, [&mutex] {
    absl::MutexLock lock(&mutex);
    return 1.0;
  });
  std::atomic<bool> stop{false};
  std::thread counter([&] {
    while (!stop) {
      absl::MutexLock lock(&mutex);
      registry.AddCounter("a_total", "A.").Add();
    }
  });
  for (int i = 0; i < 200; ++i) EXPECT_NE(registry.Text().find("a_lag 1\n"), std::string::npos);
  stop = true;
  counter.join();
}

}  // namespace
}  // namespace cleanmail::telemetry
