#include "services/provisioning/service.h"

#include "libs/app/destinations.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "libs/net/coroutines.h"
#include "libs/outbox/outbox.h"
#include "proto/cleanmail/provisioning/v1/config.pb.h"
#include "services/provisioning/accounts.h"
#include "services/provisioning/api.h"
#include "services/provisioning/callout/api.h"
#include "services/provisioning/callout/callouts.h"
#include "services/provisioning/import/api.h"
#include "services/provisioning/import/imports.h"
#include "services/provisioning/snapshots.h"
#include "services/provisioning/store.h"

namespace cleanmail::provisioning {
namespace {

callout::CalloutOptions ToCalloutOptions(const v1::CalloutSettings& settings) {
  const callout::CalloutOptions defaults;
  return {
      .positive_life = config::OrDefault(settings.positive_life(), defaults.positive_life),
      .negative_life = config::OrDefault(settings.negative_life(), defaults.negative_life),
      .accept_all_life = config::OrDefault(settings.accept_all_life(), defaults.accept_all_life),
      .timeout = config::OrDefault(settings.timeout(), defaults.timeout),
      .per_domain = config::OrDefault(settings.per_domain(), defaults.per_domain),
      .connections = config::OrDefault(settings.connections(), defaults.connections),
      .waiters = defaults.waiters};
}

// A probe runs on a loop; what it found is taken in by the pool, since it is written down.
callout::Callouts::Asker AskerOver(net::Loops& loops, callout::Prober& prober) {
  return [&loops, &prober](callout::Question question, absl::Time deadline, auto done) {
    net::Loop& loop = loops.Next();
    net::Spawn(loop,
               [&loops, &loop, &prober, question = std::move(question), deadline,
                done = std::move(done)]() -> net::Task<void> {
                 callout::Finding finding = co_await prober.Ask(loop, question, deadline);
                 loops.RunSlow(
                     [done, finding = std::move(finding)]() mutable { done(std::move(finding)); });
               });
  };
}

// The first account of the domain.
callout::Callouts::KnownGood AccountOf(Accounts& accounts) {
  return [&accounts](std::string_view tenant, std::string_view domain) -> std::string {
    const auto page = accounts.List<v1::User>(
        {.tenant = std::string(tenant), .domains = {std::string(domain)}}, "", 1);
    if (!page.ok() || page->items.empty()) return {};
    const std::string& name = page->items[0].name();
    return name.substr(name.rfind('/') + 1);
  };
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  app::Service service("provisioning");
  if (env.master_key().empty())
    return absl::InvalidArgumentError("app.master_key: is required: it seals the tenants' keys");
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("provisioning"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::ProvisioningConfig settings,
                             env.Config<v1::ProvisioningConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<net::TlsContext> made_tls,
                             net::TlsContext::Client(net::TlsContext::Verify::kNone));
  CLEANMAIL_ASSIGN_OR_RETURN(net::DestinationPolicy allowed,
                             app::ToDestinationPolicy(env.app_config().destinations()));
  CLEANMAIL_ASSIGN_OR_RETURN(net::Sources sources, app::ToSources(env.app_config().destinations()));

  auto& destinations = service.Own(std::make_unique<net::DestinationPolicy>(std::move(allowed)));
  auto& outbox = service.Own(outbox::Outbox::Create(*database, env.bus()));
  auto& store = service.Own(std::make_unique<Store>(*database, outbox));
  auto& accounts = service.Own(std::make_unique<Accounts>(store, destinations));
  auto& snapshots =
      service.Own(std::make_unique<Snapshots>(store, env.bus(), env.random(), env.master_key()));
  auto& import_store = service.Own(std::make_unique<import::Store>(*database));
  auto& imports = service.Own(std::make_unique<import::Imports>(
      store, import_store, env.clock(), env.random(), env.log(),
      [&loops = env.loops()](auto work) { loops.RunSlow(std::move(work)); }));

  auto& tls = service.Own(std::move(made_tls));
  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));
  auto& prober = service.Own(std::make_unique<callout::Prober>(
      env.resolver(), tls, destinations,
      callout::ProbeOptions{
          .host_name = env.app_config().host_name(),
          .smtp_port = static_cast<uint16_t>(config::OrDefault(settings.callout().smtp_port(), 25)),
          .sources = std::move(sources)}));
  auto& callout_store = service.Own(std::make_unique<callout::Store>(*database));
  auto& callouts = service.Own(std::make_unique<callout::Callouts>(
      callout::CalloutParts{callout_store, env.directory(), env.clock(), env.random(), env.log(),
                            metrics},
      AskerOver(env.loops(), prober), AccountOf(accounts), ToCalloutOptions(settings.callout())));

  service.Serve(std::make_unique<Api>(ApiParts{.accounts = accounts,
                                               .snapshots = snapshots,
                                               .authz = env.authz(),
                                               .resolver = env.resolver(),
                                               .directory = env.directory(),
                                               .host_name = env.app_config().host_name()}));
  service.Serve(std::make_unique<import::Api>(imports, import_store, env.authz()));
  service.Serve(std::make_unique<callout::Api>(callouts, callout_store, env.clock(), env.authz()));
  service.OnStart([&imports] { return imports.Resume(); });
  service.Every(absl::Hours(1), [&imports, &callouts] {
    imports.Forget();
    callouts.Forget();
  });
  service.OnDrain([&imports, &callouts, &outbox](absl::Time) {
    imports.Stop();
    callouts.Stop();
    (void)outbox.Flush();
  });
  return service;
}

}  // namespace cleanmail::provisioning
