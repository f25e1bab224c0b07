#pragma once

#include "services/cli/mail_scanner.h"

namespace cleanmail::cli {

// The operator's hand: every verb but `serve` and `check-config`, which are the process itself.
// Returns the exit code: 0 done, 1 failed (the sentence is on standard error), 2 not understood;
// `scan` has codes of its own, and is there only where a scanner is lent.
int Run(int argc, char** argv, MailScannerMaker scanner = nullptr);

}  // namespace cleanmail::cli
