#pragma once

#include <vector>

#include "libs/app/process.h"

namespace cleanmail::app {

// The whole of a process's main: flags, configuration, rooms, signals, drain. Returns the exit
// code: 0 after an orderly stop, 1 when it could not start, 2 for wrong flags. SIGTERM and SIGINT
// drain, a second one ends at once; SIGHUP reloads.
//   --config FILE --check-config --print-config --migrate --version --help
int RunMain(int argc, char** argv, std::vector<Factory> factories);

}  // namespace cleanmail::app
