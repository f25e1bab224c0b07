// person export, erase: all rooms that remember a person's mail.
#include <iostream>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {
namespace {

using base::Json;

struct Arguments {
  std::string address;
  std::string tenant;
};

void AddItems(const Json& from, std::string_view field, Json& to) {
  if (to[field].type != Json::Type::kArray) to[field] = Json::Array();
  if (const Json* const items = from.Find(field); items != nullptr) {
    for (const Json& item : items->items) to[field].Add(item);
  }
}

absl::StatusOr<Json> Export(const Connection& connection, const Arguments& a) {
  const std::string tenant = base::Cat("tenants/", a.tenant);
  Json person = Json::Object();
  std::string token;
  do {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const Json page, connection.Call("GET", PathOf(base::Cat(tenant, "/persons")) + ":export",
                                         nullptr, {{"address", a.address}, {"pageToken", token}}));
    for (const std::string_view field : {"sent", "received", "refused"})
      AddItems(page, field, person);
    token = std::string(page.TextOf("nextPageToken"));
  } while (!token.empty());
  const std::string filter =
      base::Cat("sender = \"", a.address, "\" OR recipient = \"", a.address, "\"");
  CLEANMAIL_ASSIGN_OR_RETURN(const Json holds, connection.All(PathOf(base::Cat(tenant, "/holds")),
                                                              "holds", {{"filter", filter}}));
  AddItems(holds, "holds", person);
  return person;
}

// Reads a resource until its progress has ended.
absl::StatusOr<Json> Finished(const Connection& connection, Json job) {
  while (true) {
    const Json* const progress = job.Find("progress");
    if (progress == nullptr || progress->TextOf("state") != "STATE_RUNNING") return job;
    absl::SleepFor(absl::Milliseconds(500));
    CLEANMAIL_ASSIGN_OR_RETURN(job, connection.Call("GET", PathOf(job.TextOf("name"))));
  }
}

}  // namespace

void AddPersonCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared with the verbs' callbacks
  CLI::App* const person =
      line.app.add_subcommand("person", "What is remembered of one person")->require_subcommand(1);
  CLI::App* const exported =
      person->add_subcommand("export", "Print everything that is remembered, as JSON");
  CLI::App* const erased = person->add_subcommand("erase", "Erase it, and print the proof");
  for (CLI::App* const verb : {exported, erased}) {
    verb->add_option("ADDRESS", a->address, "Address of the person; aliases one by one")
        ->required();
    verb->add_option("--tenant", a->tenant, "Tenant he belongs to")->required();
  }
  line.WhenChosen(exported, [a](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Json all, Export(connection, *a));
    std::cout << all.Print(true) << "\n";
    return absl::OkStatus();
  });
  line.WhenChosen(erased, [a, &line](const Connection& connection) -> absl::Status {
    Json body = Json::Object();
    body["address"] = Json::String(a->address);
    const std::string tenant = PathOf(base::Cat("tenants/", a->tenant));
    CLEANMAIL_ASSIGN_OR_RETURN(Json stories, connection.Call("POST", tenant + "/erasures", &body));
    CLEANMAIL_ASSIGN_OR_RETURN(Json holds, connection.Call("POST", tenant + "/holds:erase", &body));
    CLEANMAIL_ASSIGN_OR_RETURN(stories, Finished(connection, std::move(stories)));
    CLEANMAIL_ASSIGN_OR_RETURN(holds, Finished(connection, std::move(holds)));
    Json both = Json::Object();
    both["erasure"] = stories;
    both["holds"] = holds;
    const Table table{.headings = {"FIELD", "VALUE"},
                      .rows = {{"proof", Shown(stories, "name")},
                               {"messages", Shown(stories, "messages")},
                               {"refusals", Shown(stories, "refusals")},
                               {"holds", Shown(holds, "name")}}};
    Print(std::cout, line.format, both, table);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
