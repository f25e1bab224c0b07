#include "services/reporting/service.h"

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/config/defaults.h"
#include "proto/cleanmail/reporting/v1/config.pb.h"
#include "services/reporting/api.h"
#include "services/reporting/consumer.h"
#include "services/reporting/store.h"

namespace cleanmail::reporting {
namespace {

constexpr int64_t kForgetAtOnce = 2'000;
constexpr int64_t kEraseAtOnce = 500;

template <class Event>
void Record(app::Service& service, Recorder& recorder, const AccountOf& account_of) {
  // One worker, and not in haste: the work is the recorder's, which has one thread for all topics
  // and gathers for a while anyway.
  service.ConsumeLater<Event>(
      [&recorder, account_of](std::vector<bus::Received<Event>> batch) {
        OnEvents(recorder, account_of, std::move(batch));
      },
      {.workers = 1, .rest = absl::Milliseconds(50)});
}

Lives LivesOf(const v1::ReportingConfig& settings) {
  const Lives defaults;
  return {.messages = config::OrDefault(settings.trace_life(), defaults.messages),
          .refusals = config::OrDefault(settings.refusal_life(), defaults.refusals),
          .audit = config::OrDefault(settings.audit_life(), defaults.audit),
          .longest = config::OrDefault(settings.longest_life(), defaults.longest)};
}

}  // namespace

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_ASSIGN_OR_RETURN(const v1::ReportingConfig settings, env.Config<v1::ReportingConfig>());
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("reporting"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));
  app::Service service("reporting");

  auto& store = service.Own(std::make_unique<Store>(*database));
  auto& recorder = service.Own(std::make_unique<Recorder>(store));
  auto& search = service.Own(std::make_unique<Search>(*database, SearchBounds{}));
  auto& retention = service.Own(
      std::make_unique<Retention>(*database, env.clock(), env.random(), LivesOf(settings)));

  service.Serve(
      std::make_unique<Api>(search, retention, env.directory(), env.authz(), env.clock()));
  const AccountOf account_of = [&directory = env.directory()](std::string_view address) {
    return directory.AccountOf(address);
  };
  Record<ingress::v1::MailReceived>(service, recorder, account_of);
  Record<ingress::v1::MailRefused>(service, recorder, account_of);
  Record<scanner::v1::MailScanned>(service, recorder, account_of);
  Record<policy::v1::MailDisposed>(service, recorder, account_of);
  Record<quarantine::v1::MailReleased>(service, recorder, account_of);
  Record<quarantine::v1::HoldEnded>(service, recorder, account_of);
  Record<egress::v1::DeliveryChanged>(service, recorder, account_of);
  Record<audit::v1::AuditRecorded>(service, recorder, account_of);
  const auto warn = [&log = env.log()](std::string_view event, const absl::Status& status) {
    if (!status.ok()) log.Warning(event, {{"why", status.ToString()}});
  };
  service.Every(absl::Seconds(10), [&retention, warn] {
    warn("reporting.forget.failed", retention.Sweep(kForgetAtOnce));
  });
  service.Every(absl::Seconds(1), [&retention, warn] {
    warn("reporting.erase.failed", retention.ContinueErasures(kEraseAtOnce));
  });
  return service;
}

}  // namespace cleanmail::reporting
