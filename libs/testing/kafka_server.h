#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/testing/child_process.h"

namespace cleanmail::testing {

struct KafkaServerOptions {
  int brokers = 1;
  std::string folder = {};  // for logs and data; made by Start
  int min_insync_replicas = 1;
  int partitions = 6;
  // Not 0: a port of the one broker that takes SASL over TLS; `settings` says how (ssl.*, sasl.*).
  int secure_port = 0;
  // More lines of server.properties, each ending with a newline.
  std::string settings = {};
};

// A Kafka cluster of private brokers on loopback, of what deploy/packages/install_kafka has put
// there. Like ChildProcess, it dies with the thread that starts it. Not thread-safe.
class KafkaServer {
 public:
  explicit KafkaServer(KafkaServerOptions options);
  // Kills them.
  ~KafkaServer();

  // NotFound: no broker is installed; the message says which script does. Unavailable: it does not
  // come up, with what it said.
  absl::Status Start();
  // Stops all as an operator would, all at once.
  void Stop();
  // Ends all by SIGKILL.
  void Kill();
  // Starts all that do not run, over what they kept.
  absl::Status Restart();

  // Broker `index` (from 0; its node id is one more).
  void KillBroker(int index);
  void SignalBroker(int index, int number);
  absl::Status RestartBroker(int index);

  // host:port,host:port
  std::string addresses() const;
  int broker_count() const { return options_.brokers; }
  // What broker `index` said, for a failed test's message.
  std::string OutputOfBroker(int index) const;

 private:
  struct Broker {
    int port = 0;
    int controller_port = 0;
    std::string folder;
    std::unique_ptr<ChildProcess> process;
  };
  absl::Status Prepare(int index);
  absl::Status StartBroker(int index);
  absl::Status WaitFor(absl::Duration most);

  const KafkaServerOptions options_;
  std::vector<Broker> brokers_;
};

}  // namespace cleanmail::testing
