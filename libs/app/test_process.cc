#include "libs/app/test_process.h"

#include <filesystem>

#include <stdlib.h>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"

namespace cleanmail::app {
namespace {

// Not under TEST_TMPDIR, whose path is too long for a unix socket.
std::string NewFolder() {
  char folder[] = "/tmp/cleanmail_XXXXXX";
  CLEANMAIL_CHECK(mkdtemp(folder) != nullptr, "/tmp can be written");
  return folder;
}

}  // namespace

TestProcess::TestProcess(std::string yaml, std::vector<Factory> factories)
    : folder_(NewFolder()), yaml_(std::move(yaml)), factories_(std::move(factories)) {
  Restart();
}

TestProcess::~TestProcess() {
  Stop();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void TestProcess::Stop() {
  if (process_ != nullptr) process_->Stop();
  process_ = nullptr;
}

void TestProcess::Restart() {
  Stop();
  const absl::StatusOr<config::Document> document =
      config::Document::Parse(yaml_, SectionsOf(factories_));
  CLEANMAIL_CHECK(document.ok(), base::View(document.status().message()));
  absl::StatusOr<std::unique_ptr<Process>> process =
      Process::Start({.document = *document,
                      .factories = factories_,
                      .data_folder = base::Cat(folder_, "/data"),
                      .operations = "127.0.0.1:0"});
  CLEANMAIL_CHECK(process.ok(), base::View(process.status().message()));
  process_ = *std::move(process);
}

absl::Status TestProcess::WaitReady(absl::Duration longest) {
  const absl::Time deadline = absl::Now() + longest;
  absl::Status ready = process_->Ready();
  while (!ready.ok() && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(2));
    ready = process_->Ready();
  }
  return ready;
}

std::unique_ptr<TestProcess> StartForTest(std::string yaml, std::vector<Factory> factories) {
  return std::make_unique<TestProcess>(std::move(yaml), std::move(factories));
}

}  // namespace cleanmail::app
