#include "services/egress/service.h"

#include "libs/app/destinations.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "libs/outbox/outbox.h"
#include "libs/store/sql/members.h"
#include "proto/cleanmail/egress/v1/config.pb.h"
#include "services/egress/api.h"
#include "services/egress/consumer.h"
#include "services/egress/delivery/courier.h"
#include "services/egress/delivery/lore.h"
#include "services/egress/metrics.h"
#include "services/egress/queue/queue.h"
#include "services/egress/routing/router.h"
#include "services/egress/store.h"

namespace cleanmail::egress {
namespace {

// One worker, with all that comes within a moment: what is accepted together is one transaction.
const app::Reading kReading = {.workers = 1, .rest = absl::Milliseconds(20)};

SessionOptions ToSessionOptions(const v1::Timeouts& settings, const std::string& host_name,
                                net::Sources sources) {
  const SessionTimeouts defaults;
  return {.host_name = host_name,
          .timeouts = {.connect = config::OrDefault(settings.connect(), defaults.connect),
                       .command = config::OrDefault(settings.command(), defaults.command),
                       .data_block = config::OrDefault(settings.data_block(), defaults.data_block),
                       .data_done = config::OrDefault(settings.data_done(), defaults.data_done)},
          .sources = std::move(sources)};
}

GateOptions ToGateOptions(const v1::EgressConfig& settings) {
  const GateOptions defaults;
  return {.connections_per_destination = config::OrDefault(settings.connections_per_destination(),
                                                           defaults.connections_per_destination),
          .expire_after = config::OrDefault(settings.expire_after(), defaults.expire_after)};
}

SettlementOptions ToSettlementOptions(const v1::EgressConfig& settings,
                                      const std::string& host_name) {
  const SettlementOptions defaults;
  return {
      .backoff = {.first = config::OrDefault(settings.first_retry(), defaults.backoff.first),
                  .longest = config::OrDefault(settings.longest_retry(), defaults.backoff.longest)},
      .host_name = host_name,
      .delay_notice = config::OrDefault(settings.delay_notice(), defaults.delay_notice)};
}

std::vector<v1::SourceRange> ToSourceRanges(const app::v1::Destinations& settings) {
  std::vector<v1::SourceRange> ranges;
  for (const app::v1::SourceRange& published : settings.source_ranges()) {
    v1::SourceRange& range = ranges.emplace_back();
    range.set_network(published.network());
    range.set_purpose(published.purpose());
  }
  return ranges;
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::EgressConfig settings, env.Config<v1::EgressConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("egress"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  CLEANMAIL_ASSIGN_OR_RETURN(std::unique_ptr<net::TlsContext> made_tls,
                             net::TlsContext::Client(net::TlsContext::Verify::kNone));
  CLEANMAIL_ASSIGN_OR_RETURN(net::DestinationPolicy destinations,
                             app::ToDestinationPolicy(env.app_config().destinations()));
  CLEANMAIL_ASSIGN_OR_RETURN(net::Sources sources, app::ToSources(env.app_config().destinations()));
  app::Service service("egress");
  const std::string& host_name = env.app_config().host_name();

  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));
  auto& tls = service.Own(std::move(made_tls));
  auto& outbox = service.Own(outbox::Outbox::Create(*database, env.bus(), kReading.rest));
  auto& store = service.Own(std::make_unique<Store>(*database));
  const auto& steady = service.Own(std::make_unique<base::SteadyClock>());
  CLEANMAIL_ASSIGN_OR_RETURN(
      auto made_members,
      sql::Members::Join(*database, steady, env.random(),
                         {.instance = env.app_config().instance(), .alone = env.owns_databases()}));
  auto& members = service.Own(std::move(made_members));
  auto& router = service.Own(std::make_unique<Router>(
      env.directory(), env.resolver(),
      RouterOptions{.host_name = host_name,
                    .smtp_port = static_cast<uint16_t>(config::OrDefault(settings.smtp_port(), 25)),
                    .mx_may_be_private = settings.mx_may_be_private(),
                    .destinations = std::move(destinations)}));
  auto& lore = service.Own(std::make_unique<Lore>(store, router, env.clock()));
  const Sealer* sealer = nullptr;
  if (settings.has_arc()) {
    CLEANMAIL_ASSIGN_OR_RETURN(auto made, Sealer::Create(settings.arc(), env.clock()));
    sealer = &service.Own(std::move(made));
  }
  auto& courier = service.Own(std::make_unique<Courier>(
      env.loops(), router, env.blobs(), tls,
      ToSessionOptions(settings.timeouts(), host_name, std::move(sources)),
      config::OrDefault(settings.messages_per_connection(), 100), lore, metrics, sealer));
  auto& queue = service.Own(std::make_unique<Queue>(
      QueueParts{store, members, outbox, courier, router, env.blobs(), env.loops(), env.clock(),
                 env.random(), env.mail_log(), env.log(), metrics, env.directory()},
      QueueOptions{.gate = ToGateOptions(settings),
                   .connections = config::OrDefault(settings.connections(), 500),
                   .settlement = ToSettlementOptions(settings, host_name)}));

  const ConsumerParts parts{queue, env.clock(), host_name,
                            config::OrDefault(settings.own_hops(), 5)};
  service.Serve(std::make_unique<Api>(store, queue, lore, env.clock(), env.authz(),
                                      ToSourceRanges(env.app_config().destinations())));
  service.OnStart([&store, &members]() -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const auto dead, members.FindDead());
    return store.ReleaseClaimsOf(dead).status();
  });
  service.Consume<policy::v1::MailDisposed>(
      [parts](auto batch) { return OnDisposed(parts, batch); }, kReading);
  service.Consume<quarantine::v1::MailReleased>(
      [parts](auto batch) { return OnReleased(parts, batch); });
  service.Every(absl::Seconds(1), [&queue] { queue.Tick(); });
  service.Every(absl::Minutes(1), [&queue] { queue.ForgetFinished(); });
  service.Every(absl::Seconds(10), [&lore, &log = env.log()] {
    if (const absl::Status synced = lore.Sync(); !synced.ok())
      log.Warning("egress.lore.not_written", {{"why", synced.ToString()}});
  });
  service.OnDrain([&queue, &outbox](absl::Time deadline) {
    queue.Drain(deadline);
    (void)outbox.Flush();
  });
  return service;
}

}  // namespace cleanmail::egress
