#pragma once

namespace cleanmail::cli {

// The operator's hand: every verb but `serve` and `check-config`, which are the process itself.
// Returns the exit code: 0 done, 1 failed (the sentence is on standard error), 2 not understood.
int Run(int argc, char** argv);

}  // namespace cleanmail::cli
