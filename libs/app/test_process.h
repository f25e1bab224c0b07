#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libs/app/process.h"

namespace cleanmail::app {

// Rooms in this process over a temporary folder of their own, for tests. The folder goes with it.
class TestProcess {
 public:
  // Ends the test program with the reason when it cannot start.
  TestProcess(std::string yaml, std::vector<Factory> factories);
  ~TestProcess();

  Process& operator*() { return *process_; }
  Process* operator->() { return process_.get(); }
  // Waits until Ready() says OK; the last reason otherwise.
  absl::Status WaitReady(absl::Duration longest = absl::Seconds(30));
  int port(const std::string& listener) const { return process_->ports().at(listener); }
  const std::string& folder() const { return folder_; }
  // Stops; starts again over the same folder.
  void Stop();
  void Restart();

 private:
  const std::string folder_;
  const std::string yaml_;
  const std::vector<Factory> factories_;
  std::unique_ptr<Process> process_;
};

// Starts `factories` with the configuration `yaml`, in which the data folder is left out and the
// operations port, if left out, is one the system chooses.
std::unique_ptr<TestProcess> StartForTest(std::string yaml, std::vector<Factory> factories);

}  // namespace cleanmail::app
