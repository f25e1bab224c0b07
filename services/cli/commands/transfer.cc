// users import|export: accounts as CSV.
#include <iostream>
#include <thread>

#include "absl/strings/escaping.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"
#include "services/cli/files.h"

namespace cleanmail::cli {
namespace {

using base::Json;

constexpr std::chrono::milliseconds kBetweenLooks(200);

// Waits for an import's end, saying on standard error how far it is.
absl::StatusOr<Json> Finished(const Connection& connection, const std::string& name) {
  for (;; std::this_thread::sleep_for(kBetweenLooks)) {
    CLEANMAIL_ASSIGN_OR_RETURN(Json import, connection.Call("GET", PathOf(name)));
    const Json* const progress = import.Find("progress");
    if (progress == nullptr) return absl::InternalError("the import tells no progress");
    const std::string state(progress->TextOf("state"));
    if (state != "STATE_WAITING" && state != "STATE_RUNNING") {
      std::cerr << "\r";
      if (state == "STATE_SUCCEEDED") return import;
      return absl::FailedPreconditionError(
          base::Cat("the import ended: ", Words(state, "STATE_"), " ", progress->TextOf("error")));
    }
    std::cerr << "\r" << Shown(*progress, "done") << " of " << Shown(*progress, "total") << " lines"
              << std::flush;
  }
}

absl::Status Import(const Connection& connection, const CommandLine& line,
                    const std::string& tenant, const std::string& file, bool dry_run) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string content, ReadFile(file));
  Json body = Json::Object();
  body["kind"] = Json::String("IMPORT_KIND_USERS");
  body["content"] = Json::String(absl::Base64Escape(content));
  body["dryRun"] = Json::Bool(dry_run);
  CLEANMAIL_ASSIGN_OR_RETURN(
      const Json made,
      connection.Call("POST", PathOf(base::Cat("tenants/", tenant, "/imports")), &body));
  const std::string name(made.TextOf("name"));
  CLEANMAIL_ASSIGN_OR_RETURN(const Json done, Finished(connection, name));
  CLEANMAIL_ASSIGN_OR_RETURN(const Json lines,
                             connection.All(PathOf(base::Cat(name, "/lines")), "lines"));
  Table table{.headings = {"LINE", "ADDRESS", "OUTCOME", "WHY"}, .rows = {}};
  if (const Json* const items = lines.Find("lines"); items != nullptr) {
    for (const Json& item : items->items) {
      if (item.TextOf("outcome") == "OUTCOME_FAILED")
        table.rows.push_back(
            {Shown(item, "line"), Shown(item, "address"), "failed", Shown(item, "message")});
    }
  }
  if (line.format == Format::kTable) {
    std::cout << (dry_run ? "would be " : "") << "created " << Shown(done, "created")
              << ", updated " << Shown(done, "updated") << ", unchanged "
              << Shown(done, "unchanged") << ", failed " << Shown(done, "failed") << " ("
              << Shown(done, "reading") << ")\n";
    if (table.rows.empty()) return absl::OkStatus();
  }
  Print(std::cout, line.format, done, table);
  return table.rows.empty() ? absl::OkStatus()
                            : absl::InvalidArgumentError("some lines were not taken");
}

absl::Status Export(const Connection& connection, const std::string& tenant) {
  Query query;
  do {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const Json page,
        connection.Call("GET", PathOf(base::Cat("tenants/", tenant, "/users")) + ":export", nullptr,
                        query));
    std::cout << page.TextOf("content");
    query = {{"pageToken", std::string(page.TextOf("nextPageToken"))}};
  } while (!query[0].second.empty());
  return absl::OkStatus();
}

}  // namespace

void AddTransferCommands(CommandLine& line) {
  struct Arguments {
    std::string tenant;
    std::string file;
    bool dry_run = false;
  };
  const auto a = std::make_shared<Arguments>();  // shared with the verbs' callbacks
  CLI::App* const users = line.app.get_subcommand("users");
  CLI::App* const import = users->add_subcommand(
      "import", "Make or change users as a CSV file says (address, name, aliases, groups, policy)");
  import->add_option("TENANT", a->tenant)->required();
  import->add_option("FILE", a->file, "CSV with a header line; - is standard input")->required();
  import->add_flag("--dry-run", a->dry_run, "Say what would happen and change nothing");
  line.WhenChosen(import, [a, &line](const Connection& connection) {
    return Import(connection, line, a->tenant, a->file, a->dry_run);
  });
  CLI::App* const out = users->add_subcommand("export", "Print all users of a tenant as CSV");
  out->add_option("TENANT", a->tenant)->required();
  line.WhenChosen(out, [a](const Connection& connection) { return Export(connection, a->tenant); });
}

}  // namespace cleanmail::cli
