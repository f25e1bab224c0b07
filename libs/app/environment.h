#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "libs/authz/authorizer.h"
#include "libs/base/clock.h"
#include "libs/base/random.h"
#include "libs/bus/bus.h"
#include "libs/config/config.h"
#include "libs/directory/directory.h"
#include "libs/dns/resolver.h"
#include "libs/net/loops.h"
#include "libs/rpc/peers.h"
#include "libs/store/blob/blob_store.h"
#include "libs/store/kv/kv_store.h"
#include "libs/store/sql/database.h"
#include "libs/telemetry/log.h"
#include "libs/telemetry/metrics.h"
#include "proto/cleanmail/app/v1/config.pb.h"

namespace cleanmail::app {

// What a process has, lent to its services. Built from the configuration by libs/app/run_main;
// tests build one over a temporary folder. Everything lent outlives the services.
class Environment {
 public:
  virtual ~Environment() = default;
  virtual const v1::AppConfig& app_config() const = 0;
  virtual const config::Document& document() const = 0;
  virtual base::Clock& clock() = 0;
  virtual base::Random& random() = 0;
  virtual telemetry::Log& log() = 0;
  virtual telemetry::Log& mail_log() = 0;
  virtual telemetry::MetricsRegistry& metrics() = 0;
  virtual net::Loops& loops() = 0;
  virtual dns::Resolver& resolver() = 0;
  virtual bus::Bus& bus() = 0;
  virtual blob::BlobStore& blobs() = 0;
  virtual kv::KvStore& kv() = 0;
  virtual rpc::Peers& peers() = 0;
  virtual authz::Authorizer& authz() = 0;
  virtual directory::Directory& directory() = 0;
  // The service's own schema: one SQLite file per name. Opened on first use.
  virtual absl::StatusOr<sql::Database*> database(std::string_view service) = 0;
  // Whether no other process can have the same databases open.
  virtual bool owns_databases() const = 0;
  // The master key, for whoever wraps the tenants' keys (provisioning).
  virtual const std::string& master_key() const = 0;

  // The section of the configuration file that belongs to T
  // (`cleanmail.quarantine.v1.QuarantineConfig` → `quarantine`); defaults (proto3 zero values) when
  // the section is absent.
  template <class T>
  absl::StatusOr<T> Config() {
    return document().Section<T>();
  }
};

}  // namespace cleanmail::app
