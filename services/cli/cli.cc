#include "services/cli/cli.h"

#include <iostream>
#include <map>

#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {

void CommandLine::WhenChosen(CLI::App* command,
                             std::function<absl::Status(const Connection&)> work) {
  command->callback([this, work = std::move(work)] {
    run = [this, work]() -> absl::Status {
      CLEANMAIL_ASSIGN_OR_RETURN(const Connection connection, Connection::Open(server));
      return work(connection);
    };
  });
}

namespace {

void AddServerFlags(CommandLine& line) {
  line.app
      .add_option("--server", line.server.server,
                  "Address of a gateway's REST API, https://… (default: $CLEANMAIL_SERVER, else "
                  "the gateway of this machine)")
      ->type_name("URL");
  line.app
      .add_option("--token-file", line.server.token_file,
                  "File with the API token for --server (default: $CLEANMAIL_TOKEN_FILE)")
      ->type_name("FILE");
  line.app
      .add_option("--ca-file", line.server.ca_file,
                  "Certificates to check --server by, PEM (default: the system's)")
      ->type_name("FILE");
  line.app
      .add_option(
          "--socket", line.server.socket,
          "API socket of the gateway on this machine (default: $CLEANMAIL_SOCKET, or of the "
          "data folder)")
      ->type_name("PATH");
  line.app
      .add_option("--config", line.server.config,
                  "Configuration file of the gateway on this machine, to find its socket")
      ->type_name("FILE");
}

}  // namespace

int Run(int argc, char** argv, MailScannerMaker scanner) {
  CommandLine line;
  line.app.name("cleanmail");
  line.app.require_subcommand(1);
  line.app.fallthrough();  // the flags below may stand behind a verb too
  AddServerFlags(line);
  const std::map<std::string, Format> formats = {{"table", Format::kTable},
                                                 {"json", Format::kJson}};
  line.app.add_option("--output", line.format, "table or json")
      ->transform(CLI::CheckedTransformer(formats))
      ->type_name("FORMAT");
  line.app.add_subcommand("serve", "Run the gateway (see `cleanmail serve --help`)");
  line.app.add_subcommand("check-config",
                          "Check a configuration file and say what is wrong with it");
  AddDirectoryCommands(line);
  AddQuarantineCommands(line);
  AddQueueCommands(line);
  AddMessageCommands(line);
  AddPersonCommands(line);
  AddPolicyCommands(line);
  AddRuleCommands(line);
  AddLearnCommands(line);
  AddTransferCommands(line);
  AddTokenCommands(line);
  AddApiCommand(line);
  AddSampleCommand(line);
  if (scanner) AddScanCommand(line, std::move(scanner));
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return line.app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = line.run ? line.run() : absl::OkStatus();
  if (status.ok()) return line.exit_code;
  std::cerr << "cleanmail: " << status.message() << "\n";
  return 1;
}

}  // namespace cleanmail::cli
