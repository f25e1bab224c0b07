#include "services/scanner/service.h"

#include <algorithm>

#include "libs/app/version.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "libs/net/connection.h"
#include "proto/cleanmail/ingress/v1/config.pb.h"
#include "proto/cleanmail/scanner/v1/config.pb.h"
#include "services/scanner/analyzers/authentication/authentication.h"
#include "services/scanner/analyzers/door/door.h"
#include "services/scanner/analyzers/impersonation/impersonation.h"
#include "services/scanner/analyzers/learned/learned.h"
#include "services/scanner/analyzers/spam/spam_rules.h"
#include "services/scanner/api.h"
#include "services/scanner/authentication/authenticator.h"
#include "services/scanner/configured_rules.h"
#include "services/scanner/consumer.h"
#include "services/scanner/engines.h"
#include "services/scanner/learning/configured_lessons.h"
#include "services/scanner/local_analyzers.h"
#include "services/scanner/metrics.h"
#include "services/scanner/scan.h"
#include "services/scanner/spamd/door.h"

namespace cleanmail::scanner {
namespace {

constexpr int64_t kDefaultMessageBytes = 50 << 20;  // as ingress/v1/config.proto says
constexpr absl::Duration kAgreementInterval = absl::Seconds(5);

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
                                 .trusted_relays = *std::move(trusted),
                                 .directory = &env.directory()};
  options.deadline = config::OrDefault(settings.deadline(), options.deadline);
  return std::make_unique<Authenticator>(env.resolver(), env.clock(), std::move(options));
}

// The door for other mail servers; `scans` messages are looked at at once unless the settings say.
absl::Status OpenSpamd(app::Environment& env, const v1::Spamd& settings, int scans, Scan& scan,
                       Metrics& metrics, app::Service& service) {
  CLEANMAIL_ASSIGN_OR_RETURN(
      spamd::DoorOptions options,
      spamd::ToDoorOptions(settings,
                           {.version = app::kVersion, .host_name = env.app_config().host_name()}));
  CLEANMAIL_ASSIGN_OR_RETURN(net::ListenOptions listen, spamd::ToListenOptions(settings));
  const auto& door = service.Own(std::make_unique<spamd::Door>(
      std::move(options),
      spamd::DoorParts{scan, env.directory(), env.clock(), env.mail_log(), metrics}));
  net::ExchangeOptions exchange;
  exchange.connections = config::OrDefault(settings.connections(), exchange.connections);
  exchange.workers = config::OrDefault(settings.scans(), scans);
  exchange.request = config::OrDefault(settings.deadline(), exchange.request);
  exchange.busy = spamd::Refuse(spamd::kTryLater, "too many connections");
  auto& exchanges = service.Own(std::make_unique<net::Exchanges>(
      std::move(exchange), [&door](const net::IpAddress& client) { return door.Begin(client); }));
  service.Listen(std::move(listen), [&exchanges](std::unique_ptr<net::Connection> connection) {
    exchanges.Take(std::move(connection));
  });
  service.OnDrain([&exchanges](absl::Time deadline) { exchanges.Drain(deadline); });
  return absl::OkStatus();
}

// What is remembered of clients; null where ingress does not ask about them.
const reputation::Reputations* MakeReputations(app::Environment& env,
                                               const v1::Reputation& settings,
                                               const ingress::v1::Door& door,
                                               app::Service& service) {
  if (settings.off() || door.off() || door.reputation().off()) return nullptr;
  const absl::Duration of_ingress =
      config::OrDefault(door.reputation().half_life(), reputation::kDefaultHalfLife);
  return &service.Own(std::make_unique<reputation::Reputations>(
      config::OrDefault(settings.half_life(), of_ingress), env.kv(), env.clock()));
}

RuleSetsParts RulePartsOf(app::Environment& env) {
  return {.clock = env.clock(), .log = &env.log(), .authentication = true, .network = true};
}

// SpamAssassin's rules; none where there are none or they are off.
absl::StatusOr<std::optional<Api::Rules>> AddRules(
    app::Environment& env, const v1::SpamRules& settings, app::Service& service,
    std::vector<std::unique_ptr<Analyzer>>& analyzers) {
  CLEANMAIL_ASSIGN_OR_RETURN(auto made, MakeRuleSets(settings, RulePartsOf(env)));
  if (made == nullptr) {
    if (settings.off()) return std::nullopt;
    static constexpr char kAdvice[] =
        "there are no spam rules: install the package spamassassin, name folders in "
        "scanner.spam_rules.folders, or set scanner.spam_rules.off";
    env.log().Warning("scanner.rules.missing", {{"advice", kAdvice}});
    service.OnWarnings([] { return std::vector<std::string>{kAdvice}; });
    return std::nullopt;
  }
  spam::RuleSets& sets = service.Own(std::move(made));
  auto& agreement = service.Own(std::make_unique<RuleAgreement>(sets, env.kv(), env.log()));
  service.Every(kAgreementInterval, [&agreement] { agreement.Follow(); });
  SpamRules::Lists lists{.resolver = &env.resolver()};
  lists.deadline = config::OrDefault(settings.network_deadline(), lists.deadline);
  analyzers.push_back(std::make_unique<SpamRules>(sets, lists));
  return Api::Rules{sets, agreement};
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
  std::vector<std::unique_ptr<Analyzer>> analyzers;
  int workers = env.app_config().threads().workers();
  const EnginesParts engine_parts = {
      .message_bytes = config::OrDefault(
          settings.message_bytes(),
          config::OrDefault(ingress.limits().message_bytes(), kDefaultMessageBytes)),
      .clock = env.clock(),
      .log = env.log(),
      .registry = env.metrics(),
      .metrics = metrics};
  CLEANMAIL_ASSIGN_OR_RETURN(auto slots, Engines::Make(settings, engine_parts));
  Engines& engines = service.Own(std::move(slots));
  for (std::unique_ptr<Analyzer>& slot : engines.TakeSlots()) analyzers.push_back(std::move(slot));
  workers = std::max(workers, engines.waiting());  // a worker waits while an engine works
  for (std::unique_ptr<Analyzer>& local : LocalAnalyzers(limits))
    analyzers.push_back(std::move(local));
  CLEANMAIL_ASSIGN_OR_RETURN(auto made, MakeAuthenticator(env, settings.authentication(), ingress));
  const Authenticator* const authenticator =
      made == nullptr ? nullptr : &service.Own(std::move(made));
  const auto& sealers = settings.authentication().trusted_arc_sealers();
  analyzers.push_back(std::make_unique<AuthenticationAnalyzer>(
      std::vector<std::string>(sealers.begin(), sealers.end())));
  analyzers.push_back(std::make_unique<Impersonation>(env.directory(), env.kv()));
  analyzers.push_back(std::make_unique<Door>());
  CLEANMAIL_ASSIGN_OR_RETURN(const std::optional<Api::Rules> rules,
                             AddRules(env, settings.spam_rules(), service, analyzers));
  CLEANMAIL_ASSIGN_OR_RETURN(learning::Lessons* const lessons,
                             learning::AddLessons(env, settings.learning(), metrics, service));
  if (lessons != nullptr) analyzers.push_back(std::make_unique<Learned>(*lessons));
  service.OnWarnings([&engines] { return engines.Warnings(); });
  service.OnReload([&engines] { engines.Reload(); });
  service.Every(engines.check_interval(), [&engines] { engines.Check(); });

  const int failures = config::OrDefault(settings.failures_before_finding(), 3);
  const std::string& authserv_id = settings.authentication().authserv_id();
  auto& scan = service.Own(std::make_unique<Scan>(
      ScanParts{.blobs = env.blobs(),
                .authenticator = authenticator,
                .authserv_id = authserv_id.empty() ? env.app_config().host_name() : authserv_id,
                .metrics = metrics,
                .weights = FindingWeights(settings.weights(), rules.has_value())},
      std::move(analyzers), limits, failures));

  if (settings.has_spamd())
    CLEANMAIL_RETURN_IF_ERROR(OpenSpamd(env, settings.spamd(), workers, scan, metrics, service));
  service.Serve(std::make_unique<Api>(scan, rules, lessons, env.authz(), env.directory()));
  const ConsumerParts parts{scan, env.bus(), env.clock(), env.mail_log(),
                            MakeReputations(env, settings.reputation(), ingress.door(), service)};
  service.ConsumeLater<ingress::v1::MailReceived>(
      [parts](auto batch) { OnReceived(parts, std::move(batch)); }, {.workers = workers});
  service.ConsumeLater<quarantine::v1::RescanRequested>(
      [parts](auto batch) { OnRescanRequested(parts, std::move(batch)); });
  return service;
}

}  // namespace cleanmail::scanner
