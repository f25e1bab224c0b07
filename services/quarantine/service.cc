#include "services/quarantine/service.h"

#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "libs/outbox/outbox.h"
#include "proto/cleanmail/ingress/v1/events.pb.h"
#include "proto/cleanmail/quarantine/v1/config.pb.h"
#include "proto/cleanmail/quarantine/v1/events.pb.h"
#include "proto/cleanmail/scanner/v1/events.pb.h"
#include "services/quarantine/api.h"
#include "services/quarantine/consumer.h"
#include "services/quarantine/holds.h"
#include "services/quarantine/metrics.h"
#include "services/quarantine/store.h"

namespace cleanmail::quarantine {
namespace {

// Nobody waits for a hold that comes a moment later.
const app::Reading kReading = {.rest = absl::Milliseconds(20)};

// Mail whose event died in some room is held here.
template <class Event>
void ConsumeDeadLetters(app::Service& service, Holds& holds, const AccountOf& account_of,
                        Metrics& metrics) {
  service.ConsumeRecords(
      {.topic = bus::DeadTopicOf(bus::TopicOf(*Event::descriptor()).name), .group = service.name()},
      bus::HandleBatch<bus::v1::DeadLetter>([&holds, account_of, &metrics](auto batch) {
        return OnDeadLetter(holds, account_of, metrics, batch);
      }));
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::QuarantineConfig settings,
                             env.Config<v1::QuarantineConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("quarantine"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  app::Service service("quarantine");

  const absl::Duration life = config::OrDefault(settings.hold_life(), absl::Hours(720));
  const Settings::Lives lives = {
      {mail::v1::HOLD_KIND_VIRUS, config::OrDefault(settings.virus_life(), life)},
      {mail::v1::HOLD_KIND_UNLISTED, config::OrDefault(settings.unlisted_life(), life)}};
  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));
  auto& outbox = service.Own(outbox::Outbox::Create(*database, env.bus(), kReading.rest));
  auto& store = service.Own(std::make_unique<Store>(*database));
  auto& tenants = service.Own(std::make_unique<Settings>(*database, life, lives));
  auto& holds = service.Own(std::make_unique<Holds>(
      store, outbox, env.blobs(), env.clock(), env.random(), tenants,
      config::OrDefault(settings.rescan_interval(), absl::Hours(1)), metrics));
  auto& batch_store = service.Own(std::make_unique<BatchStore>(*database));
  auto& batches = service.Own(
      std::make_unique<Batches>(holds, store, batch_store, env.authz(), env.clock(), env.random()));

  service.Serve(std::make_unique<Api>(ApiParts{.holds = holds,
                                               .batches = batches,
                                               .batch_store = batch_store,
                                               .settings = tenants,
                                               .directory = env.directory(),
                                               .peers = env.peers(),
                                               .authz = env.authz(),
                                               .clock = env.clock()}));
  const AccountOf account_of = [&directory = env.directory()](std::string_view address) {
    return directory.AccountOf(address);
  };
  service.Consume<policy::v1::MailDisposed>(
      [&holds, account_of](auto batch) { return OnDisposed(holds, account_of, batch); }, kReading);
  service.Consume<egress::v1::DeliveryChanged>(
      [&holds, account_of](auto batch) { return OnDeliveryChanged(holds, account_of, batch); },
      kReading);
  ConsumeDeadLetters<ingress::v1::MailReceived>(service, holds, account_of, metrics);
  ConsumeDeadLetters<scanner::v1::MailScanned>(service, holds, account_of, metrics);
  ConsumeDeadLetters<policy::v1::MailDisposed>(service, holds, account_of, metrics);
  ConsumeDeadLetters<v1::MailReleased>(service, holds, account_of, metrics);
  const auto warn = [&log = env.log()](const absl::Status& status) {
    if (!status.ok()) log.Warning("quarantine.timer.failed", {{"why", status.ToString()}});
  };
  service.Every(config::OrDefault(settings.expiry_interval(), absl::Minutes(1)), [&holds, warn] {
    warn(holds.ExpireOverdue());
    warn(holds.RequestRescans());
  });
  service.Every(absl::Seconds(1), [&batches, warn] { warn(batches.Continue(absl::Seconds(5))); });
  service.OnDrain([&outbox](absl::Time) { (void)outbox.Flush(); });
  return service;
}

}  // namespace cleanmail::quarantine
