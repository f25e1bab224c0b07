// What is found in a folder of mails, and what it costs: counts by finding and category, CPU time.
//   bazel run -c opt //services/scanner:offline_benchmark -- FOLDER...
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <set>

#include "services/scanner/category/category.h"
#include "services/scanner/offline.h"

namespace cleanmail::scanner {
namespace {

void Measure(OfflineScanner& scanner, const std::string& folder) {
  std::map<std::string, int> found;
  std::map<std::string, int> categories;
  int mails = 0;
  int spam = 0;
  std::clock_t used = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string mail(std::istreambuf_iterator<char>(file), {});
    const std::clock_t began = std::clock();
    const auto scanned = scanner.Scan(mail);
    used += std::clock() - began;
    if (!scanned.ok()) continue;
    ++mails;
    spam += scanned->score() >= kSpamScore ? 1 : 0;
    ++categories[CategoryWord(scanned->facts().category())];
    std::set<std::string> names;
    for (const mail::v1::Finding& finding : scanned->findings()) names.insert(finding.name());
    for (const std::string& name : names) ++found[name];
  }
  std::cout << folder << ": " << mails << " mails, " << spam << " at 5.0 or above, "
            << 1e6 * static_cast<double>(used) / CLOCKS_PER_SEC / std::max(1, mails)
            << " us CPU each\n";
  for (const auto& counts : {categories, found}) {
    for (const auto& [name, count] : counts)
      std::cout << "  " << name << " " << count << " (" << 100.0 * count / std::max(1, mails)
                << " %)\n";
  }
}

}  // namespace
}  // namespace cleanmail::scanner

int main(int argc, char** argv) {
  const auto scanner = cleanmail::scanner::OfflineScanner::Create({});
  for (int i = 1; i < argc; ++i) cleanmail::scanner::Measure(**scanner, argv[i]);
}
