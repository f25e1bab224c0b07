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

// Mail whose event died in some room is held here.
template <class Event>
void ConsumeDeadLetters(app::Service& service, Holds& holds, Metrics& metrics) {
  service.ConsumeRecords(
      {.topic = bus::DeadTopicOf(bus::TopicOf(*Event::descriptor()).name), .group = service.name()},
      bus::HandleBatch<bus::v1::DeadLetter>(
          [&holds, &metrics](auto batch) { return OnDeadLetter(holds, metrics, batch); }));
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::QuarantineConfig settings,
                             env.Config<v1::QuarantineConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("quarantine"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  app::Service service("quarantine");

  const HoldTimes defaults;
  const HoldTimes times = {
      .life = config::OrDefault(settings.hold_life(), defaults.life),
      .rescan_interval = config::OrDefault(settings.rescan_interval(), defaults.rescan_interval)};
  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));
  auto& outbox = service.Own(outbox::Outbox::Create(*database, env.bus()));
  auto& store = service.Own(std::make_unique<Store>(*database));
  auto& holds = service.Own(std::make_unique<Holds>(store, outbox, env.blobs(), env.clock(),
                                                    env.random(), times, metrics));

  service.Serve(std::make_unique<Api>(holds, env.authz()));
  service.Consume<policy::v1::MailDisposed>(
      [&holds](auto batch) { return OnDisposed(holds, batch); });
  service.Consume<egress::v1::DeliveryChanged>(
      [&holds](auto batch) { return OnDeliveryChanged(holds, batch); });
  ConsumeDeadLetters<ingress::v1::MailReceived>(service, holds, metrics);
  ConsumeDeadLetters<scanner::v1::MailScanned>(service, holds, metrics);
  ConsumeDeadLetters<policy::v1::MailDisposed>(service, holds, metrics);
  ConsumeDeadLetters<v1::MailReleased>(service, holds, metrics);
  service.Every(
      config::OrDefault(settings.expiry_interval(), absl::Minutes(1)), [&holds, &log = env.log()] {
        for (const absl::Status& status : {holds.ExpireOverdue(), holds.RequestRescans()}) {
          if (!status.ok()) log.Warning("quarantine.timer.failed", {{"why", status.ToString()}});
        }
      });
  service.OnDrain([&outbox](absl::Time) { (void)outbox.Flush(); });
  return service;
}

}  // namespace cleanmail::quarantine
