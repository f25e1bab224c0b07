#include "services/scanner/service.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "proto/cleanmail/ingress/v1/config.pb.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "services/scanner/analyzers/authentication/authentication.h"
#include "services/scanner/analyzers/malware/clamav.h"
#include "services/scanner/analyzers/spam/gtube.h"
#include "services/scanner/analyzers/spam/spam_rules.h"
#include "services/scanner/analyzers/structure/structure.h"
#include "services/scanner/api.h"
#include "services/scanner/authentication/authenticator.h"
#include "services/scanner/consumer.h"
#include "services/scanner/metrics.h"
#include "services/scanner/scan.h"

namespace cleanmail::scanner {
namespace {

constexpr int64_t kDefaultMessageBytes = 50 << 20;  // as ingress/v1/config.proto says

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

// Null where the operator has switched it off.
absl::StatusOr<std::unique_ptr<Authenticator>> MakeAuthenticator(
    app::Environment& env, const v1::Authentication& settings,
    const ingress::v1::IngressConfig& ingress) {
  if (settings.off()) return nullptr;
  const auto& relays =
      settings.trusted_relays().empty() ? ingress.trusted_relays() : settings.trusted_relays();
  absl::StatusOr<net::PrefixSet> trusted =
      net::PrefixSet::Parse(std::vector<std::string>(relays.begin(), relays.end()));
  if (!trusted.ok())
    return base::Annotate(trusted.status(), "scanner.authentication.trusted_relays");
  Authenticator::Options options{.host_name = env.app_config().host_name(),
                                 .trusted_relays = *std::move(trusted)};
  options.deadline = config::OrDefault(settings.deadline(), options.deadline);
  return std::make_unique<Authenticator>(env.resolver(), env.clock(), std::move(options));
}

// The rules of the folders named, or of Debian's that are there; null without any.
absl::StatusOr<std::unique_ptr<spam::RuleSets>> MakeRuleSets(app::Environment& env,
                                                             const v1::SpamRules& settings) {
  std::vector<std::string> folders(settings.folders().begin(), settings.folders().end());
  if (folders.empty()) {
    std::error_code error;
    for (const char* folder : {"/usr/share/spamassassin", "/etc/spamassassin"}) {
      if (std::filesystem::is_directory(folder, error)) folders.emplace_back(folder);
    }
    if (folders.empty()) return nullptr;
  }
  spam::RuleSetOptions options;
  options.authentication = true;
  const auto& trusted = settings.trusted_networks();
  const auto& internal = settings.internal_networks();
  options.trusted_networks.assign(trusted.begin(), trusted.end());
  options.internal_networks.assign(internal.begin(), internal.end());
  options.time = absl::ToChronoMilliseconds(
      config::OrDefault(settings.time(), absl::FromChrono(options.time)));
  auto sets = std::make_unique<spam::RuleSets>(std::move(folders), std::move(options), env.clock());
  if (const absl::Status loaded = sets->Load(); !loaded.ok())
    return base::Annotate(loaded, "scanner.spam_rules.folders");
  const std::vector<spam::RuleStatus> status = sets->rules()->Status();
  const auto active = std::count_if(status.begin(), status.end(),
                                    [](const spam::RuleStatus& rule) { return rule.active; });
  env.log().Info("scanner.rules.loaded", {{"active", base::Cat(active)},
                                          {"all", base::Cat(status.size())},
                                          {"digest", sets->present()->digest}});
  return sets;
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::ScannerConfig settings, env.Config<v1::ScannerConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(const ingress::v1::IngressConfig ingress,
                             env.Config<ingress::v1::IngressConfig>());
  app::Service service("scanner");
  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));

  std::vector<std::unique_ptr<Analyzer>> analyzers;
  const mail::mime::StructureLimits limits = {
      .parts = static_cast<size_t>(config::OrDefault(settings.structure().parts(), 1000)),
      .depth = static_cast<size_t>(config::OrDefault(settings.structure().depth(), 50))};
  analyzers.push_back(std::make_unique<Structure>(limits));
  analyzers.push_back(std::make_unique<Gtube>());
  CLEANMAIL_ASSIGN_OR_RETURN(auto made, MakeAuthenticator(env, settings.authentication(), ingress));
  const Authenticator* const authenticator =
      made == nullptr ? nullptr : &service.Own(std::move(made));
  const auto& sealers = settings.authentication().trusted_arc_sealers();
  analyzers.push_back(std::make_unique<AuthenticationAnalyzer>(
      std::vector<std::string>(sealers.begin(), sealers.end())));
  spam::RuleSets* rules = nullptr;
  if (settings.has_spam_rules()) {
    CLEANMAIL_ASSIGN_OR_RETURN(auto sets, MakeRuleSets(env, settings.spam_rules()));
    if (sets == nullptr) {
      static constexpr char kAdvice[] =
          "there are no spam rules: install the package spamassassin, or name folders in "
          "scanner.spam_rules.folders";
      env.log().Warning("scanner.rules.missing", {{"advice", kAdvice}});
      service.OnWarnings([] { return std::vector<std::string>{kAdvice}; });
    } else {
      rules = &service.Own(std::move(sets));
      analyzers.push_back(std::make_unique<SpamRules>(*rules));
    }
  }
  service.Serve(std::make_unique<Api>(rules, env.authz()));
  int workers = env.app_config().threads().workers();
  if (settings.has_clamd()) {
    const ClamdOptions options = ToOptions(settings.clamd());
    CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<Clamd> clamd, Clamd::Create(options));
    const int64_t message_bytes = config::OrDefault(
        settings.message_bytes(),
        config::OrDefault(ingress.limits().message_bytes(), kDefaultMessageBytes));
    const std::string file = settings.clamd().config_file().empty()
                                 ? "/etc/clamav/clamd.conf"
                                 : settings.clamd().config_file();
    const std::vector<std::string> advice = CheckLimits(*clamd, file, message_bytes);
    for (const std::string& warning : advice)
      env.log().Warning("scanner.clamd.limits", {{"advice", warning}});
    workers = std::max(workers, options.connections);  // a worker waits while clamd works
    auto clamav = std::make_unique<ClamAv>(std::move(clamd), env.clock(), metrics);
    service.OnWarnings([&engine = *clamav, advice] {
      std::vector<std::string> warnings = advice;
      if (const absl::Status health = engine.Health(); !health.ok())
        warnings.push_back(base::Cat("mail waits: ", health.message()));
      return warnings;
    });
    analyzers.push_back(std::move(clamav));
  } else {
    metrics.engine_missing.Set(1);
    env.log().Warning("scanner.engine.missing",
                      {{"advice", "no malware engine is configured: set scanner.clamd.address"}});
    service.OnWarnings(
        [] { return std::vector<std::string>{"no malware engine is configured (scanner.clamd)"}; });
  }

  const int failures = config::OrDefault(settings.failures_before_finding(), 3);
  const std::string& authserv_id = settings.authentication().authserv_id();
  auto& scan = service.Own(std::make_unique<Scan>(
      ScanParts{.blobs = env.blobs(),
                .authenticator = authenticator,
                .authserv_id = authserv_id.empty() ? env.app_config().host_name() : authserv_id,
                .metrics = metrics},
      std::move(analyzers), limits, failures));

  const ConsumerParts parts{scan, env.bus(), env.clock()};
  service.ConsumeLater<ingress::v1::MailReceived>(
      [parts](auto batch) { OnReceived(parts, std::move(batch)); }, workers);
  service.ConsumeLater<quarantine::v1::RescanRequested>(
      [parts](auto batch) { OnRescanRequested(parts, std::move(batch)); });
  return service;
}

}  // namespace cleanmail::scanner
