#pragma once

#include <functional>
#include <memory>
#include <string>

#include "CLI/App.hpp"
#include "CLI/Config.hpp"
#include "CLI/Formatter.hpp"
#include "absl/status/status.h"
#include "services/cli/connection.h"
#include "services/cli/mail_scanner.h"
#include "services/cli/output.h"

namespace cleanmail::cli {

// What every verb shares: flags, and the verb chosen. Verbs add themselves to `app` and set `run`
// when they are chosen.
struct CommandLine {
  CLI::App app{"Cleanmail, an e-mail security gateway."};
  ServerFlags server;
  Format format = Format::kTable;
  std::function<absl::Status()> run;
  int exit_code = 0;  // of a verb that was done, but has something to say

  // Makes `run` do `work` over a connection to the gateway when `command` is chosen.
  void WhenChosen(CLI::App* command, std::function<absl::Status(const Connection&)> work);
};

// The verbs, one function a file under commands/.
void AddDirectoryCommands(CommandLine& line);   // tenants, domains, users, routes
void AddQuarantineCommands(CommandLine& line);  // quarantine list|show|release|delete|bulk-…
void AddQueueCommands(CommandLine& line);       // queue list|retry
void AddPersonCommands(CommandLine& line);      // person export|erase
void AddMessageCommands(CommandLine& line);     // message search|status|explain
void AddPolicyCommands(CommandLine& line);      // policies list|show|put|versions|rollback
void AddRuleCommands(CommandLine& line);        // rules status|reload|rollback
void AddLearnCommands(CommandLine& line);       // learn spam|ham|forget|status|reset
void AddTransferCommands(CommandLine& line);    // users import|export; after AddDirectoryCommands
void AddTokenCommands(CommandLine& line);       // tokens create|list|revoke
void AddApiCommand(CommandLine& line);          // api METHOD PATH: any request
void AddSampleCommand(CommandLine& line);       // send-sample
void AddScanCommand(CommandLine& line, MailScannerMaker maker);  // scan

}  // namespace cleanmail::cli
