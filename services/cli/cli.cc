#include "services/cli/cli.h"

#include <iostream>
#include <map>

#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {

void CommandLine::WhenChosen(CLI::App* command, std::function<absl::Status(Connection&)> work) {
  command->callback([this, work = std::move(work)] {
    run = [this, work]() -> absl::Status {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::string path, FindSocket(socket, config));
      Connection connection(path);
      return work(connection);
    };
  });
}

int Run(int argc, char** argv) {
  CommandLine line;
  line.app.name("cleanmail");
  line.app.require_subcommand(1);
  line.app.fallthrough();  // the flags below may stand behind a verb too
  line.app
      .add_option("--socket", line.socket,
                  "Socket of the gateway (default: $CLEANMAIL_SOCKET, or of the data folder)")
      ->type_name("PATH");
  line.app
      .add_option("--config", line.config, "Configuration file of the gateway, to find its socket")
      ->type_name("FILE");
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
  AddSampleCommand(line);
  try {
    line.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return line.app.exit(error) == 0 ? 0 : 2;
  }
  const absl::Status status = line.run ? line.run() : absl::OkStatus();
  if (status.ok()) return 0;
  std::cerr << "cleanmail: " << status.message() << "\n";
  return 1;
}

}  // namespace cleanmail::cli
