#pragma once

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "services/cli/mail_scanner.h"
#include "services/cli/output.h"

namespace cleanmail::cli {

// What came of one file.
struct ScannedFile {
  std::string path;
  absl::Status read;  // why it was not scanned
  scanner::v1::MailScanned scanned;
  double milliseconds = 0;
};

// Scans files one after another and tells of them.
class ScanReport {
 public:
  // `progress` gets "n of m" as it goes on, on one line where `live`; null: nothing.
  ScanReport(MailScanner& scanner, std::ostream* progress, bool live)
      : scanner_(scanner), progress_(progress), live_(live) {}

  void Scan(const std::vector<std::string>& paths);
  // A table of files, or, with `details` or a single file, each finding with its meaning and
  // advice; then how many there are of each category. Or all of it as JSON.
  void Print(std::ostream& out, Format format, bool details) const;
  // 2: malware was found; 1: a file could not be scanned; 0.
  int exit_code() const;

 private:
  void ScanOne(const std::string& path);
  void Progress(size_t done, size_t all);
  void PrintDetails(std::ostream& out, const ScannedFile& file) const;
  void PrintTotals(std::ostream& out) const;
  base::Json ToJson() const;
  base::Json ToJson(const ScannedFile& file) const;
  std::map<std::string, size_t> Totals() const;

  MailScanner& scanner_;
  std::ostream* const progress_;
  const bool live_;
  std::vector<ScannedFile> files_;
};

// The regular files among `paths` and, sorted, below the folders among them; files and folders that
// begin with a dot and links are left out there. NotFound names what is not there.
absl::StatusOr<std::vector<std::string>> FilesBelow(const std::vector<std::string>& paths);

}  // namespace cleanmail::cli
