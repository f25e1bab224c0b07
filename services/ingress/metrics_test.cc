// The README's table names every metric of the room, and no other.
#include "services/ingress/metrics.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>

namespace cleanmail::ingress {
namespace {

TEST(Metrics, StandInTheReadme) {
  telemetry::MetricsRegistry registry;
  const Metrics metrics(registry);
  std::ifstream file("services/ingress/README.md");
  const std::string readme(std::istreambuf_iterator<char>(file), {});
  std::set<std::string> told;
  for (size_t at = readme.find("`cleanmail_ingress_"); at != std::string::npos;
       at = readme.find("`cleanmail_ingress_", at + 1)) {
    told.insert(readme.substr(at + 1, readme.find_first_of("`{", at + 1) - at - 1));
  }
  const auto names = registry.Names();
  EXPECT_EQ(told, std::set<std::string>(names.begin(), names.end()));
}

}  // namespace
}  // namespace cleanmail::ingress
