#pragma once

#include <vector>

#include "libs/app/run_main.h"

namespace cleanmail::allinone {

// Every room, in the order they are built; the doors of all open only when all are built.
std::vector<app::Factory> Rooms();

}  // namespace cleanmail::allinone
