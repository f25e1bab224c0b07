#include "libs/app/run_main.h"
#include "services/egress/service.h"

int main(int argc, char** argv) {
  return cleanmail::app::RunMain(argc, argv, {{"egress", &cleanmail::egress::MakeService}});
}
