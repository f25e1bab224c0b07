#include "libs/app/run_main.h"
#include "services/reporting/service.h"

int main(int argc, char** argv) {
  return cleanmail::app::RunMain(argc, argv, {{"reporting", &cleanmail::reporting::MakeService}});
}
