#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/bus/bus.h"

namespace cleanmail::bus::kafka {

struct TlsOptions {
  bool on = false;
  std::string ca_file = {};  // empty: the machine's authorities
  std::string certificate_file = {};
  std::string key_file = {};
  std::string key_password = {};
};

struct SaslOptions {
  std::string mechanism = {};  // SCRAM-SHA-256, SCRAM-SHA-512, PLAIN; empty: none
  std::string user = {};
  std::string password = {};
};

struct KafkaOptions {
  std::string brokers = {};  // host:port,host:port
  std::string client_id = "cleanmail";
  std::string prefix =
      {};  // before the names of all topics and groups, for clusters that are shared
  TlsOptions tls = {};
  SaslOptions sasl = {};

  // Topics that must be there when the bus begins to work: AllTopics(). Each gets its dead-letter
  // twin. Others are made when they are first used.
  std::vector<TopicOptions> topics = {};
  int partitions = 6;          // of a topic that is made; a compacted one has one
  int replication_factor = 0;  // 0: the cluster's own; else what is there must have as many
  int min_insync_replicas = 0;
  absl::Duration retention = absl::Hours(8 * 24);  // as long as bodies are kept
  absl::Duration dead_letter_retention = absl::Hours(30 * 24);
  absl::Duration tombstone_life = absl::Hours(8 * 24);
  int max_event_bytes = 8 << 20;
  absl::Duration start_timeout = absl::Seconds(30);  // for the cluster to answer at the start

  absl::Duration publish_timeout = absl::Seconds(20);   // then Publish fails
  absl::Duration linger = absl::Milliseconds(1);        // waits this long for more to send together
  int queue_events = 100'000;                           // published and not acknowledged, at most
  absl::Duration unreachable_after = absl::Seconds(5);  // Accepting() says no then
  // … and when a group that reads what this process publishes is this many events behind.
  int64_t max_lag = 1'000'000;
  absl::Duration lag_interval = absl::Seconds(5);  // looked at so often

  int workers = 2;     // of a subscription that does not say
  size_t held = 4096;  // events of one partition a subscription holds, at most
  absl::Duration first_retry =
      absl::Milliseconds(100);                    // waiting time of a key, doubled each time …
  absl::Duration last_retry = absl::Seconds(30);  // … up to this
  absl::Duration commit_interval = absl::Milliseconds(200);
  absl::Duration session_timeout = absl::Seconds(6);  // a silent member's partitions move after it
  absl::Duration revoke_patience = absl::Seconds(5);  // for work in hand of a partition that leaves
  absl::Duration assignment_wait = absl::ZeroDuration();  // Subscribe waits so long for partitions

  // Any setting of librdkafka; wins over what is said above.
  std::map<std::string, std::string> properties = {};

  // Told what librdkafka logs (syslog level) and what is odd about topics. Called on any thread;
  // must be quick.
  std::function<void(int level, std::string_view text)> log = nullptr;
  // Told of each dead letter, for an alert. Called on any thread; must be quick.
  std::function<void(std::string_view topic, std::string_view group, const absl::Status& reason)>
      on_dead_letter = nullptr;
};

}  // namespace cleanmail::bus::kafka
