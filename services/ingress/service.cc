#include "services/ingress/service.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "libs/net/connection.h"
#include "services/ingress/advisor_peers.h"
#include "services/ingress/settings.h"

namespace cleanmail::ingress {
namespace {

absl::StatusOr<std::unique_ptr<net::TlsContext>> MakeTls(const v1::Listener& listener) {
  std::vector<net::CertificateFiles> files;
  for (const v1::Certificate& certificate : listener.certificates()) {
    files.push_back({.chain_file = certificate.chain_file(), .key_file = certificate.key_file()});
  }
  absl::StatusOr<std::unique_ptr<net::TlsContext>> context =
      net::TlsContext::Server(std::move(files));
  if (!context.ok())
    return base::Annotate(context.status(), base::Cat("ingress.listeners: ", listener.name()));
  return context;
}

void KeepFresh(app::Service& service, net::TlsContext& tls, telemetry::Log& log) {
  const auto reload = [&tls, &log] {
    const absl::StatusOr<bool> reloaded = tls.ReloadIfChanged();
    if (!reloaded.ok())
      log.Error("ingress.certificate", {{"error", base::View(reloaded.status().message())}});
    if (reloaded.ok() && *reloaded) log.Info("ingress.certificate.reloaded");
  };
  service.OnReload(reload);
  service.Every(absl::Minutes(1), reload);
}

// Lists are tested as soon as there is time for it, and every hour.
void KeepTested(app::Service& service, DnsLists& lists, Metrics& metrics, telemetry::Log& log) {
  if (lists.empty()) return;
  const auto test = [&lists, &metrics, &log] {
    for (const std::string& sentence : lists.Test(absl::Now() + absl::Seconds(20)))
      log.Warning("ingress.dns_list.off", {{"why", sentence}});
    metrics.dns_lists_off.Set(lists.off());
  };
  service.OnStart([test] {
    test();
    return absl::OkStatus();
  });
  service.Every(absl::Hours(1), test);
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::IngressConfig config, env.Config<v1::IngressConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(net::ConnectionLimits::Options limit_options,
                             ToConnectionLimits(config.limits()));
  app::Service service("ingress");
  const std::string& host_name = env.app_config().host_name();

  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));
  auto& limits = service.Own(std::make_unique<net::ConnectionLimits>(std::move(limit_options)));
  auto& policy = service.Own(MakePolicyPeer(env.peers()));
  auto& scan = service.Own(MakeMessageScanPeer(env.peers()));
  auto& recipient_check = service.Own(MakeRecipientCheckPeer(env.peers()));
  auto& lore = service.Own(MakeDestinationLorePeer(env.peers()));
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<DnsList> lists, ToDnsLists(config.door()));
  auto& dns_lists = service.Own(std::make_unique<DnsLists>(std::move(lists), env.resolver()));
  KeepTested(service, dns_lists, metrics, env.log());
  auto& intake = service.Own(std::make_unique<Intake>(
      IntakeOptions{.host_name = host_name,
                    .header = ToHeaderLimits(config.limits()),
                    .authserv_ids = {config.authserv_ids().begin(), config.authserv_ids().end()}},
      env.blobs(), env.bus(), env.clock(), env.random()));
  CLEANMAIL_ASSIGN_OR_RETURN(std::optional<GreylistOptions> greylist_options,
                             ToGreylistOptions(config.door()));
  CLEANMAIL_ASSIGN_OR_RETURN(std::optional<TarpitOptions> tarpit_options,
                             ToTarpitOptions(config.door()));
  SessionParts parts{env.loops(),     limits,      env.directory(), policy,         scan,
                     recipient_check, lore,        env.resolver(),  dns_lists,      intake,
                     env.bus(),       env.clock(), env.random(),    env.mail_log(), metrics};
  if (greylist_options.has_value())
    parts.greylist = &service.Own(
        std::make_unique<Greylist>(*std::move(greylist_options), env.kv(), env.clock()));
  if (tarpit_options.has_value())
    parts.tarpit = &service.Own(std::make_unique<Tarpit>(*std::move(tarpit_options)));
  if (!config.door().reputation().off() && !config.door().off())
    parts.reputations = &service.Own(std::make_unique<reputation::Reputations>(
        config::OrDefault(config.door().reputation().half_life(), reputation::kDefaultHalfLife),
        env.kv(), env.clock()));

  for (const v1::Listener& listener : config.listeners()) {
    CLEANMAIL_ASSIGN_OR_RETURN(SessionSettings settings,
                               ToSessionSettings(config, listener, host_name));
    if (settings.smtp.offer_starttls) {
      CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<net::TlsContext> made, MakeTls(listener));
      auto& tls = service.Own(std::move(made));
      settings.tls = &tls;
      KeepFresh(service, tls, env.log());
    }
    net::ListenOptions options;
    options.name = listener.name();
    options.address = listener.listen();
    options.proxy_from.assign(listener.proxy_from().begin(), listener.proxy_from().end());
    options.proxy_deadline = settings.timeouts.handshake;
    auto& sessions = service.Own(std::make_unique<Sessions>(std::move(settings), parts));
    service.Listen(std::move(options), [&sessions](std::unique_ptr<net::Connection> connection) {
      sessions.Take(std::move(connection));
    });
    service.OnDrain([&sessions](absl::Time deadline) { sessions.Drain(deadline); });
  }
  service.OnReady([&directory = env.directory()] {
    return directory.complete() ? absl::OkStatus()
                                : absl::UnavailableError("the directory is not complete yet");
  });
  return service;
}

}  // namespace cleanmail::ingress
