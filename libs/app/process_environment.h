#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "libs/app/data_folder.h"
#include "libs/app/directory_tenants.h"
#include "libs/app/environment.h"
#include "libs/directory/follower.h"
#include "libs/rpc/server.h"

namespace cleanmail::app {

// What runs beside the rooms, at intervals.
struct Chore {
  absl::Duration interval;
  std::function<void()> tick;
};

// What every process has, whatever its profile: folder, logs, metrics, loops, names, directory,
// authorisation. The kinds (standalone.h, cluster.h) add stores, bus and how rooms are reached.
class ProcessEnvironment : public Environment {
 public:
  ~ProcessEnvironment() override;

  const v1::AppConfig& app_config() const override { return settings_; }
  const config::Document& document() const override { return document_; }
  base::Clock& clock() override { return clock_; }
  base::Random& random() override { return random_; }
  telemetry::Log& log() override { return *log_; }
  telemetry::Log& mail_log() override { return *mail_log_; }
  telemetry::MetricsRegistry& metrics() override { return metrics_; }
  net::Loops& loops() override { return *loops_; }
  dns::Resolver& resolver() override { return *resolver_; }
  rpc::Peers& peers() override { return *peers_; }
  authz::Authorizer& authz() override { return *authorizer_; }
  directory::Directory& directory() override { return directory_; }
  const std::string& master_key() const override { return master_key_; }

  // To the process's own server.
  rpc::LocalChannels& channels() { return channels_; }
  // One attempt to fill the directory; OK once it is filled or filling.
  absl::Status FillDirectory();
  // No more changes of the directory.
  void StopFollowing() { follower_.reset(); }

  // Asked once the rooms are made. InvalidArgument: one of them uses what the settings leave out.
  virtual absl::Status CheckComplete() = 0;
  // Where and as whom the process's server listens for others.
  virtual rpc::Server::Options RpcOptions() = 0;
  // Deletes what is over.
  virtual std::vector<Chore> Chores() = 0;
  // What works but should be looked at.
  virtual std::vector<std::string> Warnings() = 0;

 protected:
  ProcessEnvironment(const config::Document& document, const v1::AppConfig& settings)
      : document_(document), settings_(settings) {}

  // Everything that needs no store.
  absl::Status OpenGround();
  // Everything that needs the bus and a way to rooms; both outlive Close.
  void OpenHouse(bus::Bus& bus, rpc::Channels& channels);
  // For the kind's destructor: nothing runs any more that uses its stores.
  void Close();

  rpc::Server::Options SocketOptions() const;
  // Counts and logs an event a consumer gave up on.
  void OnDeadLetter(std::string_view topic, std::string_view group, const absl::Status& reason);
  // Sweeps the bodies, logs what came of it.
  void SweepBodies();
  const DataFolder& folder() const { return *folder_; }

  const config::Document document_;
  const v1::AppConfig settings_;
  base::SystemClock clock_;
  base::SystemRandom random_;
  telemetry::MetricsRegistry metrics_;
  std::unique_ptr<telemetry::Log> log_;
  std::unique_ptr<telemetry::Log> mail_log_;
  std::string master_key_;
  rpc::LocalChannels channels_;
  std::unique_ptr<rpc::Peers> peers_;

 private:
  absl::Status OpenResolver();

  std::unique_ptr<DataFolder> folder_;
  std::unique_ptr<dns::Resolver> resolver_;
  directory::Directory directory_;
  DirectoryTenants tenants_{directory_};
  std::unique_ptr<authz::Authorizer> authorizer_;
  std::unique_ptr<directory::Follower> follower_;
  std::unique_ptr<net::Loops> loops_;
};

}  // namespace cleanmail::app
