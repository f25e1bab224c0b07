#include "libs/app/run_main.h"
#include "services/ingress/service.h"

int main(int argc, char** argv) {
  return cleanmail::app::RunMain(argc, argv, {{"ingress", &cleanmail::ingress::MakeService}});
}
