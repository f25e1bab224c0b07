#include "services/scanner/worker/worker_for_test.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {

namespace fs = std::filesystem;

TestSignatures::TestSignatures() {
  char pattern[] = "/tmp/worker-test-XXXXXX";  // the worker's user must be able to read it
  folder_ = mkdtemp(pattern);
  fs::permissions(folder_, fs::perms(0755));
  fs::create_directories(clamav_folder());
  fs::create_directories(folder_ + "/rules");
  Add("Local.EICAR", Eicar());
  std::ofstream(yara_file()) << R"(
rule WORM_MARK { strings: $a = "worm-mark" condition: $a }
rule HINT_MARK : suspicious { strings: $a = "hint-mark" condition: $a and filename == "" }
)";
}

TestSignatures::~TestSignatures() {
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void TestSignatures::Add(std::string_view name, std::string_view bytes) const {
  std::ofstream(base::Cat(clamav_folder(), "/", name, ".ndb"))
      << name << ":0:*:" << absl::BytesToHexString(base::AbslView(bytes)) << "\n";
}

std::string Eicar() {
  return std::string("X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-") + "STANDARD-ANTIVIRUS-TEST-FILE!$H+H*";
}

std::string DrillWorker() {
  const char* const sources = std::getenv("TEST_SRCDIR");
  const char* const workspace = std::getenv("TEST_WORKSPACE");
  return base::Cat(sources == nullptr ? "." : sources, "/", workspace == nullptr ? "" : workspace,
                   "/services/scanner/worker/drill_worker");
}

WorkersOptions OptionsForTest(const TestSignatures& signatures) {
  WorkersOptions options;
  options.program = DrillWorker();
  options.scratch_parent = "/tmp";
  options.processes = 2;
  options.scan_deadline = absl::Seconds(20);
  v1::WorkerSetup& setup = options.setup;
  setup.set_user("nobody");
  setup.set_clamav_database(signatures.clamav_folder());
  setup.add_yara_rules(signatures.yara_file());
  setup.set_memory_bytes(256 << 20);
  setup.set_longest_seconds(30);
  v1::InspectionLimits& limits = *setup.mutable_limits();
  limits.set_depth(5);
  limits.set_files(1000);
  limits.set_file_bytes(25 << 20);
  limits.set_total_bytes(100 << 20);
  limits.set_ratio(250);
  limits.set_archive_millis(5000);
  limits.set_picture_pixels(16'000'000);
  return options;
}

absl::Status WaitReady(const ScanWorkers& workers) {
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (!workers.Health().ok() && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(5));
  return workers.Health();
}

}  // namespace cleanmail::scanner::worker
