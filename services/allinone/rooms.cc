#include "services/allinone/rooms.h"

#include "services/egress/service.h"
#include "services/ingress/service.h"
#include "services/policy/service.h"
#include "services/portal/service.h"
#include "services/provisioning/service.h"
#include "services/quarantine/service.h"
#include "services/reporting/service.h"
#include "services/scanner/service.h"

namespace cleanmail::allinone {

std::vector<app::Factory> Rooms() {
  return {{"provisioning", &provisioning::MakeService},
          {"policy", &policy::MakeService},
          {"quarantine", &quarantine::MakeService},
          {"reporting", &reporting::MakeService},
          {"egress", &egress::MakeService},
          {"portal", &portal::MakeService},
          {"scanner", &scanner::MakeService},
          {"ingress", &ingress::MakeService}};
}

}  // namespace cleanmail::allinone
