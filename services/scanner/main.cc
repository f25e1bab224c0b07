#include "libs/app/run_main.h"
#include "services/scanner/service.h"

int main(int argc, char** argv) {
  return cleanmail::app::RunMain(argc, argv, {{"scanner", &cleanmail::scanner::MakeService}});
}
