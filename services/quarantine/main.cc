#include "libs/app/run_main.h"
#include "services/quarantine/service.h"

int main(int argc, char** argv) {
  return cleanmail::app::RunMain(argc, argv, {{"quarantine", &cleanmail::quarantine::MakeService}});
}
