// policies list|show|put|versions|rollback: how tenants decide.
#include <iostream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"
#include "services/cli/files.h"

namespace cleanmail::cli {
namespace {

using base::Json;

// What the verbs of this file are told; one instance for the life of the command line.
struct Arguments {
  std::string tenant;
  std::string policy;
  std::string file;
  std::string comment;
  std::string version;
};

std::string NameOf(const Arguments& a) {
  return base::Cat("tenants/", a.tenant, "/policies/", a.policy);
}

void AskForPolicy(CLI::App* verb, const std::shared_ptr<Arguments>& a) {
  verb->add_option("TENANT", a->tenant)->required();
  verb->add_option("POLICY", a->policy, "Id of the policy: standard, without-report, or your own")
      ->required();
}

absl::Status Say(const CommandLine& line, const absl::StatusOr<Json>& answer,
                 const std::string& done) {
  CLEANMAIL_RETURN_IF_ERROR(answer.status());
  std::cout << (line.format == Format::kJson ? answer->Print(true) : done) << "\n";
  return absl::OkStatus();
}

// Changes the policy, or makes it where there is none of that name.
absl::StatusOr<Json> Put(const Connection& connection, const Arguments& a) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string text, ReadFile(a.file));
  CLEANMAIL_ASSIGN_OR_RETURN(Json policy, base::ParseJson(text));
  policy["name"] = Json::String(NameOf(a));
  Query query;
  if (!a.comment.empty()) query.emplace_back("comment", a.comment);
  absl::StatusOr<Json> changed = connection.Call("PATCH", PathOf(NameOf(a)), &policy, query);
  if (!absl::IsNotFound(changed.status())) return changed;
  return connection.Call("POST", PathOf(base::Cat("tenants/", a.tenant, "/policies")), &policy,
                         query);
}

void AddReading(CommandLine& line, CLI::App* policies, const std::shared_ptr<Arguments>& a) {
  CLI::App* const list = policies->add_subcommand("list", "List the policies of a tenant");
  list->add_option("TENANT", a->tenant)->required();
  line.WhenChosen(list, [a, &line](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const Json all,
        connection.All(PathOf(base::Cat("tenants/", a->tenant, "/policies")), "policies"));
    Table table{.headings = {"POLICY", "NAME", "VERSION", "RULES", "HOLD AT", "AUTHOR"},
                .rows = {}};
    for (const Json& policy : all.Find("policies")->items) {
      const Json* const rules = policy.Find("rules");
      table.rows.push_back({LastPart(policy.TextOf("name")), Shown(policy, "displayName"),
                            Shown(policy, "version"),
                            base::Cat(rules == nullptr ? 0 : rules->items.size()),
                            Shown(policy, "holdScore"), Shown(policy, "author")});
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
  CLI::App* const show =
      policies->add_subcommand("show", "Print a policy as JSON, as `policies put` takes it");
  AskForPolicy(show, a);
  line.WhenChosen(show, [a](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Json policy, connection.Call("GET", PathOf(NameOf(*a))));
    std::cout << policy.Print(true) << "\n";
    return absl::OkStatus();
  });
  CLI::App* const versions = policies->add_subcommand("versions", "List the versions of a policy");
  AskForPolicy(versions, a);
  line.WhenChosen(versions, [a, &line](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const Json all, connection.All(PathOf(base::Cat(NameOf(*a), "/versions")), "versions"));
    Table table{.headings = {"VERSION", "TIME", "AUTHOR", "COMMENT"}, .rows = {}};
    for (const Json& version : all.Find("versions")->items) {
      const Json* const policy = version.Find("policy");
      table.rows.push_back({LastPart(version.TextOf("name")), Shown(*policy, "updateTime"),
                            Shown(*policy, "author"), Shown(version, "comment")});
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
}

void AddChanging(CommandLine& line, CLI::App* policies, const std::shared_ptr<Arguments>& a) {
  CLI::App* const put = policies->add_subcommand(
      "put", "Make or change a policy: what the file says, the rest stays");
  AskForPolicy(put, a);
  put->add_option("--file", a->file, "Policy as JSON (see `policies show`); - is standard input")
      ->required();
  put->add_option("--comment", a->comment, "Why, for the list of versions");
  line.WhenChosen(put, [a, &line](const Connection& connection) {
    return Say(line, Put(connection, *a), base::Cat("policy ", a->policy, " saved"));
  });
  CLI::App* const rollback =
      policies->add_subcommand("rollback", "Take a policy back to an earlier version");
  AskForPolicy(rollback, a);
  rollback->add_option("VERSION", a->version, "As `policies versions` shows it")->required();
  rollback->add_option("--comment", a->comment, "Why, for the list of versions");
  line.WhenChosen(rollback, [a, &line](const Connection& connection) {
    Json body = Json::Object();
    body["version"] = Json::String(a->version);
    body["comment"] = Json::String(a->comment);
    return Say(line, connection.Call("POST", PathOf(NameOf(*a)) + ":rollback", &body),
               base::Cat("policy ", a->policy, " is as version ", a->version, " again"));
  });
}

}  // namespace

void AddPolicyCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared with the verbs' callbacks
  CLI::App* const policies =
      line.app.add_subcommand("policies", "How tenants decide")->require_subcommand(1);
  AddReading(line, policies, a);
  AddChanging(line, policies, a);
}

}  // namespace cleanmail::cli
