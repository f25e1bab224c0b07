#pragma once

#include <cstdint>
#include <string_view>

namespace cleanmail::bus::kafka {

// What a client's statistics say about its brokers.
struct BrokerStatistics {
  int up = 0;
  int64_t reconnects = 0;  // connections made after the first of each broker, since the start
};

// Reads librdkafka's statistics (STATISTICS.md of librdkafka). Zeros: the text is none.
BrokerStatistics ReadStatistics(std::string_view json);

}  // namespace cleanmail::bus::kafka
