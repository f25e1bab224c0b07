#include "services/policy/service.h"

#include "libs/base/status_macros.h"
#include "proto/cleanmail/policy/v1/config.pb.h"
#include "services/policy/api.h"
#include "services/policy/consumer.h"
#include "services/policy/evaluation.h"
#include "services/policy/metrics.h"

namespace cleanmail::policy {

absl::StatusOr<app::Service> MakeService(app::Environment& env) {
  CLEANMAIL_RETURN_IF_ERROR(env.Config<v1::PolicyConfig>().status());
  app::Service service("policy");

  auto& metrics = service.Own(std::make_unique<Metrics>(env.metrics()));
  auto& evaluation = service.Own(std::make_unique<Evaluation>(env.directory()));

  service.Serve(std::make_unique<Api>(evaluation, env.directory(), env.authz()));
  service.ConsumeLater<scanner::v1::MailScanned>(
      [parts = ConsumerParts{evaluation, env.bus(), env.clock(), metrics}](auto batch) {
        OnScanned(parts, std::move(batch));
      });
  return service;
}

}  // namespace cleanmail::policy
