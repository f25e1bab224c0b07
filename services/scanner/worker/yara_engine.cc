#include "services/scanner/worker/yara_engine.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <span>

#include <yara.h>

#include "libs/base/cat.h"
#include "libs/base/text.h"

namespace cleanmail::scanner::worker {
namespace {

namespace fs = std::filesystem;

constexpr int kScanSeconds = 10;
constexpr size_t kMostMatches = 20;
constexpr int kMostWarnings = 20;
// Variables that published rules ask for; mail knows none of them by then.
constexpr const char* kVariables[] = {"filename", "filepath", "extension", "filetype", "owner"};

std::vector<fs::path> RuleFiles(const std::vector<std::string>& paths) {
  std::set<fs::path> files;
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) {
      files.insert(path);
      continue;
    }
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error)) {
      const std::string extension = it->path().extension();
      if (extension == ".yar" || extension == ".yara") files.insert(it->path());
    }
  }
  return {files.begin(), files.end()};
}

int64_t ChangedAtMicros(const fs::path& file) {
  std::error_code error;
  const auto at = fs::last_write_time(file, error);
  if (error) return 0;
  const auto since = std::chrono::file_clock::to_sys(at).time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since).count();
}

void Complain(int level, const char*, int line, const YR_RULE*, const char* message, void* told) {
  auto& first = *static_cast<std::string*>(told);
  if (level == YARA_ERROR_LEVEL_ERROR && first.empty())
    first = base::Cat("line ", line, ": ", message);
}

// The rules of these files as one set, each file a namespace of its own; or why there are none. A
// set is searched once for all its rules, so one set costs less than one a file.
absl::StatusOr<YR_RULES*> Compile(std::span<const fs::path> files) {
  YR_COMPILER* compiler = nullptr;
  if (yr_compiler_create(&compiler) != ERROR_SUCCESS) return absl::InternalError("no compiler");
  for (const char* name : kVariables) yr_compiler_define_string_variable(compiler, name, "");
  yr_compiler_set_include_callback(compiler, nullptr, nullptr, nullptr);  // no further files
  std::string complaint;
  yr_compiler_set_callback(compiler, &Complain, &complaint);
  YR_RULES* rules = nullptr;
  int errors = 0;
  for (const fs::path& file : files) {
    std::ifstream stream(file);
    if (!stream.good()) complaint = "cannot be read";
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    errors += stream.good() ? yr_compiler_add_string(compiler, text.c_str(), file.c_str()) : 1;
    if (errors > 0) break;
  }
  if (errors == 0 && yr_compiler_get_rules(compiler, &rules) != ERROR_SUCCESS)
    complaint = "no memory";
  yr_compiler_destroy(compiler);
  if (rules == nullptr) return absl::InvalidArgumentError(base::Printable(complaint, 200));
  return rules;
}

int OnEvent(YR_SCAN_CONTEXT*, int event, void* data, void* user) {
  auto& matches = *static_cast<std::vector<Match>*>(user);
  if (event != CALLBACK_MSG_RULE_MATCHING) return CALLBACK_CONTINUE;
  const auto* const rule = static_cast<const YR_RULE*>(data);
  bool hint = false;
  const char* tag = nullptr;
  yr_rule_tags_foreach(rule, tag) hint = hint || std::strcmp(tag, "suspicious") == 0;
  matches.push_back({hint ? Match::Kind::kSuspicious : Match::Kind::kMalware, rule->identifier});
  return matches.size() < kMostMatches ? CALLBACK_CONTINUE : CALLBACK_ABORT;
}

}  // namespace

absl::StatusOr<std::unique_ptr<YaraEngine>> YaraEngine::Load(
    const std::vector<std::string>& paths) {
  if (yr_initialize() != ERROR_SUCCESS) return absl::InternalError("libyara does not start");
  v1::EngineState state;
  state.set_engine("yara");
  state.set_version(YR_VERSION);
  std::vector<fs::path> good;
  for (const fs::path& file : RuleFiles(paths)) {
    const absl::StatusOr<YR_RULES*> alone = Compile({&file, 1});
    if (alone.ok()) {
      good.push_back(file);
      yr_rules_destroy(*alone);
      state.set_signatures_at_us(std::max(state.signatures_at_us(), ChangedAtMicros(file)));
    } else if (state.warnings_size() < kMostWarnings) {
      state.add_warnings(
          base::Printable(base::Cat(file.string(), ": ", alone.status().message()), 500));
    }
  }
  if (good.empty()) {
    return absl::NotFoundError(base::Cat("no YARA rule file compiles",
                                         state.warnings_size() > 0 ? ": " : "",
                                         state.warnings_size() > 0 ? state.warnings(0) : ""));
  }
  absl::StatusOr<YR_RULES*> rules = Compile(good);
  if (!rules.ok()) return rules.status();
  state.set_signatures((*rules)->num_rules);
  return std::unique_ptr<YaraEngine>(new YaraEngine(*rules, std::move(state)));
}

YaraEngine::~YaraEngine() {
  yr_rules_destroy(rules_);
  yr_finalize();
}

absl::StatusOr<std::vector<Match>> YaraEngine::Scan(std::string_view bytes) {
  std::vector<Match> matches;
  const int error =
      yr_rules_scan_mem(rules_, reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
                        SCAN_FLAGS_REPORT_RULES_MATCHING, &OnEvent, &matches, kScanSeconds);
  if (error == ERROR_SCAN_TIMEOUT)
    matches.push_back({Match::Kind::kTooLarge, "a rule takes too long"});
  else if (error != ERROR_SUCCESS)
    return absl::InternalError(base::Cat("libyara: error ", error));
  return matches;
}

}  // namespace cleanmail::scanner::worker
