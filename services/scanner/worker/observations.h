#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/cleanmail/scanner/v1/worker.pb.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner::worker {

// What is seen while a message is looked at. However many files show the same, it is one finding of
// one engine; its evidence names the first few.
class Observations {
 public:
  void Add(FindingId finding, std::string_view engine, std::string_view evidence);
  // In the order of the catalogue.
  void MoveTo(v1::ScanAnswer& answer) &&;

 private:
  static constexpr size_t kMostNamed = 3;
  struct Seen {
    std::vector<std::string> evidence;
    int more = 0;
  };
  std::map<std::pair<FindingId, std::string>, Seen> seen_;
};

}  // namespace cleanmail::scanner::worker
