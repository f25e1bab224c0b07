#include "services/scanner/engines.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "services/scanner/analyzers/malware/clamav.h"
#include "services/scanner/analyzers/malware/command_engine.h"
#include "services/scanner/analyzers/malware/worker_engine.h"

namespace cleanmail::scanner {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kProgram = "cleanmail-scan-worker";
constexpr std::string_view kSignatures = "/var/lib/clamav";
constexpr char kNoEngine[] =
    "no malware engine is configured: set scanner.clamd.address, or keep ClamAV's signatures in "
    "/var/lib/clamav for the worker";

ClamdOptions ToOptions(const v1::Clamd& settings) {
  const ClamdOptions defaults;
  return {.address = settings.address(),
          .connections = config::OrDefault(settings.connections(), defaults.connections),
          .scan_deadline = config::OrDefault(settings.scan_deadline(), defaults.scan_deadline),
          .connect_deadline =
              config::OrDefault(settings.connect_deadline(), defaults.connect_deadline)};
}

// What is wrong between clamd's limits and ours, in sentences. Its configuration file is read where
// it can be; a stream as long as our longest message is what tells otherwise.
std::vector<std::string> CheckLimits(Clamd& clamd, const std::string& config_file,
                                     int64_t message_bytes) {
  std::ifstream file(config_file);
  if (file.good()) {
    return CompareLimits(std::string(std::istreambuf_iterator<char>(file), {}), message_bytes);
  }
  std::vector<std::string> warnings = {
      base::Cat(config_file,
                " cannot be read: whether clamd's MaxFileSize, MaxScanSize and AlertExceedsMax fit "
                "is not known; name its "
                "file in scanner.clamd.config_file")};
  const absl::StatusOr<ClamdAnswer> answer =
      clamd.Scan(std::string(static_cast<size_t>(message_bytes), '\0'));
  if (answer.ok() && answer->kind == ClamdAnswer::Kind::kTooLarge) {
    warnings.push_back(
        base::Cat("clamd refuses a stream of ", message_bytes,
                  " bytes, our longest message: raise StreamMaxLength in clamd.conf, or ",
                  "lower ingress.limits.message_bytes"));
  }
  return warnings;
}

// The worker's program: beside this one, or where a build puts it. Empty when there is none.
std::string FindProgram() {
  std::error_code error;
  const fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
  if (error) return "";
  for (const fs::path& place :
       {folder / kProgram, folder / ".." / "scanner" / "worker" / kProgram,
        folder / "worker" / kProgram, folder / ".." / "lib" / "cleanmail" / kProgram}) {
    // Set, too, where there is nothing: that is no reason to look no further.
    if (fs::is_regular_file(place, error)) return place.lexically_normal();
  }
  return "";
}

bool HoldsSignatures(std::string_view folder) {
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    const std::string extension = it->path().extension();
    for (const char* known : {".cvd", ".cld", ".cud", ".ndb", ".hdb", ".hsb", ".ldb", ".db"}) {
      if (extension == known) return true;
    }
  }
  return false;
}

// Names, sizes and times of all files below `paths`: differs when something has changed.
std::string StateOf(const std::vector<std::string>& paths) {
  std::vector<std::string> lines;
  const auto add = [&lines](const fs::path& file) {
    std::error_code error;
    const auto at = fs::last_write_time(file, error).time_since_epoch().count();
    const auto size = fs::file_size(file, error);
    lines.push_back(base::Cat(file.string(), " ", size, " ", at));
  };
  for (const std::string& path : paths) {
    std::error_code error;
    if (!fs::is_directory(path, error)) add(path);
    for (fs::recursive_directory_iterator it(path, error), end; !error && it != end;
         it.increment(error))
      if (it->is_regular_file(error)) add(it->path());
  }
  std::ranges::sort(lines);
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

void SetLimits(const v1::Worker& settings, v1::InspectionLimits& limits) {
  const v1::Archives& archives = settings.archives();
  limits.set_depth(config::OrDefault(archives.depth(), 5));
  limits.set_files(config::OrDefault(archives.files(), 1000));
  limits.set_file_bytes(config::OrDefault(archives.file_bytes(), 25 << 20));
  limits.set_total_bytes(config::OrDefault(archives.total_bytes(), 100 << 20));
  limits.set_ratio(config::OrDefault(archives.ratio(), 250));
  limits.set_archive_millis(static_cast<int32_t>(
      absl::ToInt64Milliseconds(config::OrDefault(archives.time(), absl::Seconds(5)))));
  limits.set_picture_pixels(
      settings.picture_pixels() < 0 ? 0 : config::OrDefault(settings.picture_pixels(), 16'000'000));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engines>> Engines::Make(const v1::ScannerConfig& settings,
                                                       const EnginesParts& parts) {
  std::unique_ptr<Engines> engines(new Engines(parts));
  engines->check_interval_ =
      config::OrDefault(settings.worker().check_interval(), absl::Minutes(1));
  engines->old_after_ = absl::Hours(24 * config::OrDefault(settings.worker().old_after_days(), 7));
  if (settings.has_clamd()) CLEANMAIL_RETURN_IF_ERROR(engines->AddClamd(settings.clamd()));
  CLEANMAIL_RETURN_IF_ERROR(engines->AddWorker(settings));
  CLEANMAIL_RETURN_IF_ERROR(engines->AddCommands(settings));
  if (!engines->has_engine_) {
    parts.metrics.engine_missing.Set(1);
    parts.log.Warning("scanner.engine.missing", {{"advice", kNoEngine}});
    engines->advice_.push_back(kNoEngine);
  }
  return engines;
}

void Engines::Add(std::unique_ptr<Engine> slot) {
  all_.push_back(slot.get());
  slots_.push_back(std::move(slot));
}

absl::Status Engines::AddClamd(const v1::Clamd& settings) {
  const ClamdOptions options = ToOptions(settings);
  CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<Clamd> clamd, Clamd::Create(options));
  const std::string file =
      settings.config_file().empty() ? "/etc/clamav/clamd.conf" : settings.config_file();
  advice_ = CheckLimits(*clamd, file, parts_.message_bytes);
  for (const std::string& warning : advice_)
    parts_.log.Warning("scanner.clamd.limits", {{"advice", warning}});
  waiting_ = std::max(waiting_, options.connections);
  Add(std::make_unique<ClamAv>(std::move(clamd), parts_.clock, parts_.metrics));
  has_engine_ = true;
  return absl::OkStatus();
}

absl::Status Engines::AddWorker(const v1::ScannerConfig& settings) {
  const v1::Worker& worker = settings.worker();
  if (worker.off()) return absl::OkStatus();
  worker::WorkersOptions options;
  options.program = worker.program().empty() ? FindProgram() : worker.program();
  if (options.program.empty()) {
    if (settings.has_worker())
      return absl::NotFoundError(base::Cat(
          "scanner.worker: ", kProgram, " is not beside this program: set scanner.worker.program"));
    advice_.push_back(base::Cat("attachments are not looked into: ", kProgram,
                                " is not beside this program (scanner.worker)"));
    return absl::OkStatus();
  }
  std::error_code error;
  if (!fs::is_regular_file(options.program, error))
    return absl::NotFoundError(
        base::Cat("scanner.worker.program: there is no file ", options.program));
  options.scratch_parent = !worker.scratch().empty()             ? worker.scratch()
                           : fs::is_directory("/dev/shm", error) ? "/dev/shm"
                                                                 : "/tmp";
  options.processes = config::OrDefault(
      worker.processes(), std::max(2, static_cast<int>(std::thread::hardware_concurrency())));
  options.scan_deadline = config::OrDefault(worker.scan_deadline(), absl::Seconds(60));
  v1::WorkerSetup& setup = options.setup;
  setup.set_user(worker.user().empty() ? "nobody" : worker.user());
  setup.set_memory_bytes(config::OrDefault(worker.memory_bytes(), int64_t{1} << 30));
  setup.set_longest_seconds(static_cast<int32_t>(absl::ToInt64Seconds(options.scan_deadline)) + 5);
  SetLimits(worker, *setup.mutable_limits());
  std::string database = worker.clamav_database();
  if (database.empty() && !settings.has_clamd() && HoldsSignatures(kSignatures))
    database = std::string(kSignatures);
  if (!database.empty() && database != "none") setup.set_clamav_database(database);
  for (const std::string& path : worker.yara().rules()) setup.add_yara_rules(path);
  if (!worker.yara().feed().empty()) setup.add_yara_rules(worker.yara().feed());
  if (!setup.clamav_database().empty()) signature_paths_.push_back(setup.clamav_database());
  signature_paths_.insert(signature_paths_.end(), setup.yara_rules().begin(),
                          setup.yara_rules().end());
  seen_paths_ = StateOf(signature_paths_);
  has_engine_ = has_engine_ || !setup.clamav_database().empty() || !worker.yara().feed().empty();
  waiting_ = std::max(waiting_, options.processes);
  const bool asks_engines = !signature_paths_.empty();
  workers_ = std::make_unique<worker::ScanWorkers>(
      std::move(options),
      worker::WorkerEvents{
          .ready =
              [&parts = parts_](const v1::WorkerReady& state) {
                parts.metrics.worker_starts.Add();
                std::string confined;
                for (const std::string& layer : state.confined_by())
                  confined += (confined.empty() ? "" : ", ") + layer;
                parts.log.Info("scanner.worker.ready", {{"confined_by", confined}});
              },
          .could_not_start =
              [&parts = parts_](const absl::Status& why) {
                parts.log.Error("scanner.worker.start", {{"error", why.ToString()}});
              },
          .process_lost =
              [&parts = parts_](std::string_view how) {
                parts.metrics.worker_lost.Add();
                parts.log.Warning("scanner.worker.lost", {{"how", std::string(how)}});
              }});
  Add(std::make_unique<WorkerEngine>(*workers_, asks_engines, parts_.metrics));
  return absl::OkStatus();
}

absl::Status Engines::AddCommands(const v1::ScannerConfig& settings) {
  for (const v1::Command& command : settings.commands()) {
    CommandOptions options = {.name = command.name(),
                              .command = {command.command().begin(), command.command().end()},
                              .clean_codes = {0},
                              .malware_codes = {1},
                              .deadline = config::OrDefault(command.deadline(), absl::Seconds(60)),
                              .processes = config::OrDefault(command.processes(), 2)};
    if (command.clean_codes_size() > 0)
      options.clean_codes = {command.clean_codes().begin(), command.clean_codes().end()};
    if (command.malware_codes_size() > 0)
      options.malware_codes = {command.malware_codes().begin(), command.malware_codes().end()};
    waiting_ = std::max(waiting_, options.processes);
    CLEANMAIL_ASSIGN_OR_RETURN(auto engine,
                               CommandEngine::Create(std::move(options), parts_.metrics));
    Add(std::move(engine));
    has_engine_ = true;
  }
  return absl::OkStatus();
}

std::vector<std::unique_ptr<Analyzer>> Engines::TakeSlots() {
  std::vector<std::unique_ptr<Analyzer>> slots;
  for (std::unique_ptr<Engine>& slot : slots_) slots.push_back(std::move(slot));
  slots_.clear();
  return slots;
}

std::vector<std::string> Engines::Warnings() const {
  std::vector<std::string> warnings = advice_;
  for (const Engine* engine : all_) {
    if (const absl::Status health = engine->Health(); !health.ok())
      warnings.push_back(base::Cat("mail waits: ", health.message()));
  }
  const absl::Time now = parts_.clock.Now();
  const absl::MutexLock lock(&mutex_);
  for (const EngineFacts& facts : facts_) {
    warnings.insert(warnings.end(), facts.warnings.begin(), facts.warnings.end());
    if (facts.signed_at != absl::InfinitePast() && now - facts.signed_at > old_after_)
      warnings.push_back(base::Cat(facts.name, "'s signatures are ",
                                   (now - facts.signed_at) / absl::Hours(24), " days old"));
  }
  return warnings;
}

void Engines::Check() {
  std::vector<EngineFacts> all;
  for (const Engine* engine : all_) {
    if (!engine->Health().ok()) continue;  // one that is away is not asked more
    for (EngineFacts& facts : engine->Facts()) {
      Metrics::SignaturesOf(parts_.registry, facts.name).Set(facts.signatures);
      if (!facts.version.empty())
        Metrics::VersionOf(parts_.registry, facts.name, facts.version).Set(1);
      if (facts.signed_at != absl::InfinitePast())
        Metrics::SignaturesAgeOf(parts_.registry, facts.name)
            .Set(absl::ToInt64Seconds(parts_.clock.Now() - facts.signed_at));
      all.push_back(std::move(facts));
    }
  }
  {
    const absl::MutexLock lock(&mutex_);
    for (const EngineFacts& before : facts_) {
      const auto same = [&before](const EngineFacts& now) {
        return now.name == before.name && now.version == before.version;
      };
      if (!before.version.empty() && std::ranges::none_of(all, same))
        Metrics::VersionOf(parts_.registry, before.name, before.version).Set(0);
    }
    facts_ = std::move(all);
  }
  if (workers_ == nullptr || signature_paths_.empty()) return;
  std::string now = StateOf(signature_paths_);
  if (now == seen_paths_) return;
  seen_paths_ = std::move(now);
  workers_->Reload();
}

void Engines::Reload() {
  if (workers_ != nullptr) workers_->Reload();
}

}  // namespace cleanmail::scanner
