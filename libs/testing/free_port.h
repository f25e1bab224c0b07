#pragma once

#include <cstdint>

namespace cleanmail::testing {

// A TCP port of 127.0.0.1 nobody listens on. It is outside the range the kernel gives to clients
// and not given twice within a process, so that it stays free until a server takes it; processes
// begin at different places. Ends the process when none is left.
uint16_t FreePort();

// Whether something accepts connections on 127.0.0.1:`port`.
bool Listens(uint16_t port);

}  // namespace cleanmail::testing
