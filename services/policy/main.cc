#include "libs/app/run_main.h"
#include "services/policy/service.h"

int main(int argc, char** argv) {
  return cleanmail::app::RunMain(argc, argv, {{"policy", &cleanmail::policy::MakeService}});
}
