#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "libs/app/process.h"

namespace cleanmail::e2e {

// What a gateway is configured with: lines of YAML below `app:` and below each room's section, none
// for a room that is left as it is.
struct Settings {
  std::string app = {};
  std::map<std::string, std::string> rooms = {};
};

// All rooms of a gateway, running. Linked in two kinds: //tests/e2e:standalone runs them in one
// process over a temporary folder, //tests/e2e:cluster as processes of their own (all inside the
// test program) over real engines that all tests of the program share.
class Deployment {
 public:
  // Ends the test program with the reason when they cannot start.
  static std::unique_ptr<Deployment> Start(const Settings& settings);
  virtual ~Deployment() = default;

  // Stops everything and starts it again over what was kept.
  virtual void Restart() = 0;
  // Visits each process with its data folder.
  virtual void ForEach(
      const std::function<void(app::Process& process, const std::string& folder)>& visit) = 0;
  // The process a room runs in, and its data folder.
  virtual app::Process& ProcessOf(std::string_view room) = 0;
  virtual std::string FolderOf(std::string_view room) = 0;
};

}  // namespace cleanmail::e2e
