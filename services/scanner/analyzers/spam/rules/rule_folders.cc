#include "services/scanner/analyzers/spam/rules/rule_folders.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::scanner::spam {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostBytes = 64 << 20;

// The plugins Debian switches on, for a folder of rules alone.
constexpr std::string_view kUsualPlugins =
    "loadplugin URIDNSBL\nloadplugin SPF\nloadplugin Pyzor\nloadplugin Razor2\nloadplugin SpamCop\n"
    "loadplugin AutoLearnThreshold\nloadplugin WelcomeListSubject\nloadplugin MIMEHeader\n"
    "loadplugin ReplaceTags\nloadplugin DKIM\nloadplugin Check\nloadplugin HTTPSMismatch\n"
    "loadplugin URIDetail\nloadplugin Bayes\nloadplugin BodyEval\nloadplugin DNSEval\n"
    "loadplugin HTMLEval\nloadplugin HeaderEval\nloadplugin MIMEEval\nloadplugin RelayEval\n"
    "loadplugin URIEval\nloadplugin WLBLEval\nloadplugin VBounce\nloadplugin ImageInfo\n"
    "loadplugin FreeMail\nloadplugin AskDNS\nloadplugin HashBL\nloadplugin DMARC\n"
    "enable_compat welcomelist_blocklist\n";

absl::StatusOr<std::vector<std::string>> FilesOf(const std::string& folder, const char* ending) {
  std::error_code error;
  std::vector<std::string> files;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ending && it->is_regular_file(error)) files.push_back(it->path());
  }
  if (error)
    return absl::NotFoundError(
        base::AbslView(base::Cat("the folder of rules ", folder, ": ", error.message())));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

absl::StatusOr<std::vector<RuleFile>> LoadRuleFolders(const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  for (const char* ending : {".pre", ".cf"}) {
    for (const std::string& folder : folders) {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> found, FilesOf(folder, ending));
      names.insert(names.end(), found.begin(), found.end());
    }
  }
  const bool has_plugins = std::any_of(
      names.begin(), names.end(), [](const std::string& name) { return name.ends_with(".pre"); });
  std::vector<RuleFile> files;
  if (!has_plugins) files.push_back({"(usual plugins)", std::string(kUsualPlugins)});
  size_t bytes = 0;
  for (const std::string& name : names) {
    std::ifstream file(name, std::ios::binary);
    files.push_back({name, std::string(std::istreambuf_iterator<char>(file), {})});
    bytes += files.back().text.size();
    if (bytes > kMostBytes)
      return absl::InvalidArgumentError("the folders of rules hold more than 64 MiB");
  }
  return files;
}

Configuration ReadRuleFiles(const std::vector<RuleFile>& files) {
  const auto include = [&files](std::string_view name) -> std::optional<std::string> {
    for (const RuleFile& file : files) {
      if (file.name == name || file.name.ends_with(base::Cat("/", name))) return file.text;
    }
    return std::nullopt;
  };
  return ReadConfiguration(files, include);
}

}  // namespace cleanmail::scanner::spam
