#pragma once

#include <memory>
#include <string>

#include "services/scanner/worker/scan_workers.h"

namespace cleanmail::scanner::worker {

// A folder with the worker's signatures for tests: one of libclamav (EICAR, `Local.EICAR`), one
// YARA rule (`WORM_MARK` on the text "worm-mark") and one hint (`HINT_MARK` on "hint-mark").
class TestSignatures {
 public:
  TestSignatures();
  ~TestSignatures();
  TestSignatures(const TestSignatures&) = delete;
  TestSignatures& operator=(const TestSignatures&) = delete;
  const std::string& folder() const { return folder_; }
  std::string yara_file() const { return folder_ + "/rules/test.yar"; }
  std::string clamav_folder() const { return folder_ + "/clamav"; }
  // One more signature of libclamav.
  void Add(std::string_view name, std::string_view bytes) const;

 private:
  std::string folder_;
};

// The EICAR test file, put together so that no source is taken for it.
std::string Eicar();

// Where Bazel has the worker program with the drills.
std::string DrillWorker();

// What a test changes: by default both engines, 2 processes, 20 s for a scan, 256 MiB.
WorkersOptions OptionsForTest(const TestSignatures& signatures);

// Waits for it, at most 30 s.
absl::Status WaitReady(const ScanWorkers& workers);

}  // namespace cleanmail::scanner::worker
