#include "libs/app/run_main.h"
#include "services/provisioning/service.h"

int main(int argc, char** argv) {
  return cleanmail::app::RunMain(argc, argv,
                                 {{"provisioning", &cleanmail::provisioning::MakeService}});
}
