#include "services/reporting/service.h"

#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "proto/cleanmail/reporting/v1/config.pb.h"
#include "services/reporting/api.h"
#include "services/reporting/consumer.h"
#include "services/reporting/store.h"

namespace cleanmail::reporting {
namespace {

constexpr int64_t kForgetAtOnce = 10'000;

template <class Event>
void Record(app::Service& service, Store& store) {
  service.Consume<Event>([&store](std::span<const Event> batch) { return OnEvents(store, batch); });
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::ReportingConfig settings, env.Config<v1::ReportingConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("reporting"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  app::Service service("reporting");

  auto& store = service.Own(std::make_unique<Store>(*database));

  service.Serve(std::make_unique<Api>(store, env.authz()));
  Record<ingress::v1::MailReceived>(service, store);
  Record<scanner::v1::MailScanned>(service, store);
  Record<policy::v1::MailDisposed>(service, store);
  Record<quarantine::v1::MailReleased>(service, store);
  Record<egress::v1::DeliveryChanged>(service, store);
  const absl::Duration life = config::OrDefault(settings.trace_life(), absl::Hours(720));
  service.Every(absl::Minutes(1), [&store, &clock = env.clock(), &log = env.log(), life] {
    const absl::StatusOr<int64_t> forgotten =
        store.Forget(absl::ToUnixMicros(clock.Now() - life), kForgetAtOnce);
    if (!forgotten.ok())
      log.Warning("reporting.forget.failed", {{"why", forgotten.status().ToString()}});
  });
  return service;
}

}  // namespace cleanmail::reporting
