#pragma once

#include "services/cli/mail_scanner.h"

namespace cleanmail::allinone {

// Lends the scanner's room to the operator's hand: `cleanmail scan`.
cli::MailScannerMaker ScanMails();

}  // namespace cleanmail::allinone
