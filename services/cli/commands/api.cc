// api METHOD PATH: any request of the REST API.
#include <iostream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"
#include "services/cli/files.h"

namespace cleanmail::cli {
namespace {

// The text itself; `@FILE`: the file's; `@-`: standard input's.
absl::StatusOr<std::string> DataOf(const std::string& data) {
  if (!data.starts_with('@')) return data;
  return ReadFile(data.substr(1));
}

}  // namespace

void AddApiCommand(CommandLine& line) {
  struct Arguments {
    std::string method;
    std::string path;
    std::string data;
  };
  const auto a = std::make_shared<Arguments>();  // shared with the verb's callback
  CLI::App* const api = line.app.add_subcommand(
      "api", "Send any request of the REST API (see /openapi.json) and print its answer");
  api->add_option("METHOD", a->method, "GET, POST, PATCH, DELETE")->required();
  api->add_option("PATH", a->path, "/v1/tenants?pageSize=10")->required();
  api->add_option("--data", a->data, "Body in JSON; @FILE reads it from a file, @- from stdin");
  line.WhenChosen(api, [a](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string data, DataOf(a->data));
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string answer,
                               connection.CallRaw(a->method, a->path, data));
    const absl::StatusOr<base::Json> json = base::ParseJson(answer);
    std::cout << (json.ok() ? base::Cat(json->Print(true), "\n") : answer);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
