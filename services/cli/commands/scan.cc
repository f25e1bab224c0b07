// scan: what mails in files are.
#include <iostream>

#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"
#include "services/cli/scan_report.h"

namespace cleanmail::cli {

void AddScanCommand(CommandLine& line, MailScannerMaker maker) {
  struct Wanted {
    std::vector<std::string> paths;
    std::vector<std::string> rules;
    bool without_rules = false;
    bool details = false;
    bool quiet = false;
  };
  const auto a = std::make_shared<Wanted>();  // shared with the verb's callback
  CLI::App* const scan = line.app.add_subcommand(
      "scan",
      "Say what mails in files are, here, without a gateway. Exit code: 2 when malware was found, "
      "1 when a file could not be scanned");
  scan->add_option("PATH", a->paths,
                   "Files, and folders with all that is below; - is standard input")
      ->required();
  CLI::Option* const rules =
      scan->add_option("--rules", a->rules,
                       "Judge by SpamAssassin's rules in these folders, instead of those the "
                       "configuration names or Debian's")
          ->allow_extra_args(false);
  scan->add_flag("--without-rules", a->without_rules, "Judge without SpamAssassin's rules")
      ->excludes(rules);
  scan->add_flag("--details", a->details, "Each finding with its meaning and advice");
  scan->add_flag("--quiet", a->quiet, "No progress and no warnings");
  scan->callback([a, &line, maker = std::move(maker)] {
    line.run = [a, &line, maker]() -> absl::Status {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::unique_ptr<MailScanner> scanner,
                                 maker({.config_file = line.server.config,
                                        .rules = a->rules,
                                        .without_rules = a->without_rules}));
      CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(a->paths));
      if (files.empty()) return absl::NotFoundError("there are no files");
      if (!a->quiet) {
        for (const std::string& warning : scanner->warnings()) std::cerr << warning << "\n";
      }
      ScanReport report(*scanner, a->quiet ? nullptr : &std::cerr, isatty(STDERR_FILENO) == 1);
      report.Scan(files);
      report.Print(std::cout, line.format, a->details);
      line.exit_code = report.exit_code();
      return absl::OkStatus();
    };
  });
}

}  // namespace cleanmail::cli
