#include "libs/app/run_main.h"
#include "services/portal/service.h"

int main(int argc, char** argv) {
  return cleanmail::app::RunMain(argc, argv, {{"portal", &cleanmail::portal::MakeService}});
}
