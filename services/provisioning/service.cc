#include "services/provisioning/service.h"

#include "libs/base/status_macros.h"
#include "libs/outbox/outbox.h"
#include "services/provisioning/accounts.h"
#include "services/provisioning/api.h"
#include "services/provisioning/store.h"

namespace cleanmail::provisioning {

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  app::Service service("provisioning");
  CLEANMAIL_ASSIGN_OR_RETURN(sql::Database* const database, env.database("provisioning"));
  CLEANMAIL_RETURN_IF_ERROR(sql::Migrate(*database, Migrations()));

  auto& outbox = service.Own(outbox::Outbox::Create(*database, env.bus()));
  auto& store = service.Own(std::make_unique<Store>(*database, outbox));
  auto& accounts =
      service.Own(std::make_unique<Accounts>(store, env.bus(), env.random(), env.master_key()));

  service.Serve(std::make_unique<Api>(accounts, env.authz()));
  service.OnDrain([&outbox](absl::Time) { (void)outbox.Flush(); });
  return service;
}

}  // namespace cleanmail::provisioning
