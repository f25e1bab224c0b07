#include "libs/bus/kafka/statistics.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace cleanmail::bus::kafka {

BrokerStatistics ReadStatistics(std::string_view json) {
  BrokerStatistics read;
  const nlohmann::json all = nlohmann::json::parse(json, nullptr, false);
  if (!all.is_object() || !all.contains("brokers")) return read;
  for (const auto& [name, broker] : all["brokers"].items()) {
    if (!broker.is_object()) continue;
    if (broker.contains("state") && broker["state"] == "UP") ++read.up;
    const auto connects = broker.find("connects");
    if (connects != broker.end() && connects->is_number_integer())
      read.reconnects += std::max<int64_t>(0, connects->get<int64_t>() - 1);
  }
  return read;
}

}  // namespace cleanmail::bus::kafka
