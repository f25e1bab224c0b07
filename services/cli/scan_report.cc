#include "services/cli/scan_report.h"

#include <algorithm>
#include <chrono>
#include <filesystem>

#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/text.h"
#include "services/cli/files.h"

namespace cleanmail::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;

constexpr uintmax_t kLargestMail = 200 << 20;
constexpr size_t kLongestPath = 60;

std::string CategoryOf(const ScannedFile& file) {
  if (!file.read.ok()) return "not scanned";
  return Words(mail::v1::MessageCategory_Name(file.scanned.facts().category()),
               "MESSAGE_CATEGORY_");
}

std::string WhyOf(const ScannedFile& file) {
  return file.read.ok() ? file.scanned.facts().category_reason()
                        : std::string(base::View(file.read.message()));
}

// The end of a long path says more than its beginning.
std::string Shortened(const std::string& path) {
  return path.size() <= kLongestPath ? path
                                     : base::Cat("…", path.substr(path.size() - kLongestPath));
}

absl::Status AddFolder(const std::string& folder, std::vector<std::string>& files) {
  std::vector<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator it(folder, error);
  for (; !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    const std::string name = it->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.')) {
      if (it->is_directory(ignored)) it.disable_recursion_pending();
      continue;
    }
    if (!it->is_symlink(ignored) && it->is_regular_file(ignored))
      found.push_back(it->path().string());
  }
  if (error)
    return absl::NotFoundError(
        base::Cat("the folder ", folder, " cannot be read: ", error.message()));
  std::ranges::sort(found);
  std::ranges::move(found, std::back_inserter(files));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<std::string>> FilesBelow(const std::vector<std::string>& paths) {
  std::vector<std::string> files;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (path == "-" || (fs::exists(status) && !fs::is_directory(status))) {
      files.push_back(path);
    } else if (fs::is_directory(status)) {
      const absl::Status added = AddFolder(path, files);
      if (!added.ok()) return added;
    } else {
      return absl::NotFoundError(base::Cat("there is no file or folder ", path));
    }
  }
  return files;
}

void ScanReport::Scan(const std::vector<std::string>& paths) {
  for (size_t i = 0; i < paths.size(); ++i) {
    ScanOne(paths[i]);
    Progress(i + 1, paths.size());
  }
}

void ScanReport::ScanOne(const std::string& path) {
  ScannedFile& file = files_.emplace_back();
  file.path = path;
  std::error_code error;
  if (path != "-" && fs::file_size(path, error) > kLargestMail && !error) {
    file.read = absl::ResourceExhaustedError("larger than 200 MiB");
    return;
  }
  const absl::StatusOr<std::string> mail = ReadFile(path);
  if (!mail.ok()) {
    file.read = mail.status();
    return;
  }
  if (mail->empty()) {
    file.read = absl::InvalidArgumentError("the file is empty");
    return;
  }
  const auto began = std::chrono::steady_clock::now();
  absl::StatusOr<scanner::v1::MailScanned> scanned = scanner_.Scan(*mail);
  file.milliseconds =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - began).count();
  file.read = scanned.status();
  if (scanned.ok()) file.scanned = *std::move(scanned);
}

// Written over itself on a terminal; elsewhere a line each tenth, so that logs stay short.
void ScanReport::Progress(size_t done, size_t all) {
  if (progress_ == nullptr || all < 2) return;
  if (live_) {
    *progress_ << "\rscanned " << done << " of " << all << (done == all ? "\n" : "") << std::flush;
  } else if (done == all || done % std::max<size_t>(1, all / 10) == 0) {
    *progress_ << "scanned " << done << " of " << all << "\n" << std::flush;
  }
}

std::map<std::string, size_t> ScanReport::Totals() const {
  std::map<std::string, size_t> totals;
  for (const ScannedFile& file : files_) ++totals[CategoryOf(file)];
  return totals;
}

int ScanReport::exit_code() const {
  const auto is_malware = [](const ScannedFile& file) {
    return file.scanned.facts().category() == mail::v1::MESSAGE_CATEGORY_MALWARE;
  };
  if (std::ranges::any_of(files_, is_malware)) return 2;
  return std::ranges::all_of(files_, [](const ScannedFile& file) { return file.read.ok(); }) ? 0
                                                                                             : 1;
}

void ScanReport::Print(std::ostream& out, Format format, bool details) const {
  if (format == Format::kJson) {
    out << ToJson().Print(true) << "\n";
    return;
  }
  if (details || files_.size() == 1) {
    for (const ScannedFile& file : files_) PrintDetails(out, file);
  } else {
    Table table{.headings = {"FILE", "CATEGORY", "SCORE", "MS", "WHY"}, .rows = {}};
    for (const ScannedFile& file : files_)
      table.rows.push_back({Shortened(file.path), CategoryOf(file),
                            absl::StrFormat("%.1f", file.scanned.score()),
                            absl::StrFormat("%.1f", file.milliseconds), WhyOf(file)});
    cli::Print(out, table);
  }
  if (files_.size() != 1) PrintTotals(out);
}

void ScanReport::PrintDetails(std::ostream& out, const ScannedFile& file) const {
  out << base::Printable(file.path) << "\n  " << CategoryOf(file)
      << absl::StrFormat(", score %.1f, %.1f ms\n  ", file.scanned.score(), file.milliseconds)
      << base::Printable(WhyOf(file)) << "\n";
  for (const mail::v1::Finding& finding : file.scanned.findings()) {
    const MailScanner::Words words = scanner_.WordsOf(finding.name());
    out << absl::StrFormat("  %+5.1f  ", finding.weight()) << base::Printable(finding.name());
    if (!finding.evidence().empty()) out << " (" << base::Printable(finding.evidence()) << ")";
    out << "\n         " << words.meaning << "\n         " << words.advice << "\n";
  }
  out << "\n";
}

void ScanReport::PrintTotals(std::ostream& out) const {
  Table table{.headings = {"CATEGORY", "MAILS", "SHARE"}, .rows = {}};
  double milliseconds = 0;
  for (const ScannedFile& file : files_) milliseconds += file.milliseconds;
  for (const auto& [category, count] : Totals())
    table.rows.push_back({category, base::Cat(count),
                          absl::StrFormat("%.1f %%", 100.0 * static_cast<double>(count) /
                                                         static_cast<double>(files_.size()))});
  out << "\n";
  cli::Print(out, table);
  out << files_.size()
      << absl::StrFormat(" mails, %.1f ms each\n",
                         files_.empty() ? 0.0 : milliseconds / static_cast<double>(files_.size()));
}

Json ScanReport::ToJson(const ScannedFile& file) const {
  Json one = Json::Object();
  one["file"] = Json::String(base::IsUtf8(file.path) ? file.path : base::Printable(file.path));
  one["category"] = Json::String(CategoryOf(file));
  one["reason"] = Json::String(WhyOf(file));
  one["milliseconds"] =
      Json{.type = Json::Type::kNumber, .text = absl::StrFormat("%.3f", file.milliseconds)};
  if (!file.read.ok()) return one;
  one["score"] =
      Json{.type = Json::Type::kNumber, .text = absl::StrFormat("%.3f", file.scanned.score())};
  one["findings"] = Json::Array();
  for (const mail::v1::Finding& finding : file.scanned.findings()) {
    const MailScanner::Words words = scanner_.WordsOf(finding.name());
    Json said = Json::Object();
    said["name"] = Json::String(finding.name());
    said["weight"] =
        Json{.type = Json::Type::kNumber, .text = absl::StrFormat("%.3f", finding.weight())};
    said["category"] = Json::String(
        Words(mail::v1::FindingCategory_Name(finding.category()), "FINDING_CATEGORY_"));
    said["evidence"] = Json::String(finding.evidence());
    said["analyzer"] = Json::String(finding.analyzer());
    said["meaning"] = Json::String(words.meaning);
    said["advice"] = Json::String(words.advice);
    one["findings"].Add(std::move(said));
  }
  return one;
}

Json ScanReport::ToJson() const {
  Json all = Json::Object();
  all["mails"] = Json::Array();
  for (const ScannedFile& file : files_) all["mails"].Add(ToJson(file));
  Json totals = Json::Object();
  for (const auto& [category, count] : Totals())
    totals[category] = Json::Number(static_cast<int64_t>(count));
  all["totals"] = std::move(totals);
  return all;
}

}  // namespace cleanmail::cli
