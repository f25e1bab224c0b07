// `cleanmail`: all rooms in one process (`serve`, `check-config`), and the operator's hand (every
// other verb).
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "libs/app/run_main.h"
#include "services/allinone/mail_scanner.h"
#include "services/allinone/rooms.h"
#include "services/cli/cli.h"

namespace {

// RunMain with the arguments behind the verb, and `extra` before them.
int Run(int argc, char** argv, std::vector<std::string> extra) {
  std::vector<char*> arguments = {argv[0]};
  for (std::string& argument : extra) arguments.push_back(argument.data());
  arguments.insert(arguments.end(), argv + 2, argv + argc);
  arguments.push_back(nullptr);
  return cleanmail::app::RunMain(static_cast<int>(arguments.size()) - 1, arguments.data(),
                                 cleanmail::allinone::Rooms());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view verb = argc > 1 ? argv[1] : "";
  if (verb == "serve") return Run(argc, argv, {});
  if (verb == "check-config") {
    // `check-config FILE` is what a hand types; `--config FILE` works too.
    const bool is_plain = argc == 3 && argv[2][0] != '-';
    return Run(argc, argv,
               is_plain ? std::vector<std::string>{"--check-config", "--config"}
                        : std::vector<std::string>{"--check-config"});
  }
  return cleanmail::cli::Run(argc, argv, cleanmail::allinone::ScanMails());
}
