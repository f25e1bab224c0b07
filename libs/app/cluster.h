#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/app/process_environment.h"

namespace cleanmail::app {

// The environment of one process of a cluster, which runs `rooms`: events over Kafka, rows in
// PostgreSQL (a schema a room), counters in Redis, bodies in an object store, other rooms over
// mutual TLS. Unavailable: one of them is not there yet, and the text says which. Destroying it
// closes the connections.
absl::StatusOr<std::unique_ptr<ProcessEnvironment>> OpenCluster(
    const config::Document& document, const v1::AppConfig& settings,
    const std::vector<std::string>& rooms);

}  // namespace cleanmail::app
