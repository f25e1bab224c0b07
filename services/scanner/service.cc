#include "services/scanner/service.h"

#include <fstream>
#include <iterator>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "proto/cleanmail/ingress/v1/config.pb.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "services/scanner/analyzers/authentication/authentication.h"
#include "services/scanner/analyzers/impersonation/impersonation.h"
#include "services/scanner/analyzers/malware/clamav.h"
#include "services/scanner/authentication/authenticator.h"
#include "services/scanner/consumer.h"
#include "services/scanner/local_analyzers.h"
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

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::ScannerConfig settings, env.Config<v1::ScannerConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(const ingress::v1::IngressConfig ingress,
                             env.Config<ingress::v1::IngressConfig>());
  app::Service service("scanner");
  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));

  const mail::mime::StructureLimits limits = {
      .parts = static_cast<size_t>(config::OrDefault(settings.structure().parts(), 1000)),
      .depth = static_cast<size_t>(config::OrDefault(settings.structure().depth(), 50))};
  std::vector<std::unique_ptr<Analyzer>> analyzers = LocalAnalyzers(limits);
  CLEANMAIL_ASSIGN_OR_RETURN(auto made, MakeAuthenticator(env, settings.authentication(), ingress));
  const Authenticator* const authenticator =
      made == nullptr ? nullptr : &service.Own(std::move(made));
  const auto& sealers = settings.authentication().trusted_arc_sealers();
  analyzers.push_back(std::make_unique<AuthenticationAnalyzer>(
      std::vector<std::string>(sealers.begin(), sealers.end())));
  analyzers.push_back(std::make_unique<Impersonation>(env.directory(), env.kv()));
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

  const ConsumerParts parts{scan, env.bus(), env.clock(), env.mail_log()};
  service.ConsumeLater<ingress::v1::MailReceived>(
      [parts](auto batch) { OnReceived(parts, std::move(batch)); }, workers);
  service.ConsumeLater<quarantine::v1::RescanRequested>(
      [parts](auto batch) { OnRescanRequested(parts, std::move(batch)); });
  return service;
}

}  // namespace cleanmail::scanner
