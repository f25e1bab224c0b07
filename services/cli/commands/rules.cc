// rules status|reload|rollback: the spam rules of the installation.
#include <iostream>
#include <memory>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {
namespace {

using base::Json;

constexpr char kPath[] = "/v1/ruleSet";

struct Arguments {
  bool inactive = false;
};

std::string Summary(const Json& rules) {
  return base::Cat("version ", Shown(rules, "version"), ", in use since ", Shown(rules, "useTime"),
                   ": ", Shown(rules, "activeCount"), " of ", Shown(rules, "ruleCount"),
                   " rules run, from ", Shown(rules, "files"), " files");
}

absl::Status Status(const CommandLine& line, const Connection& connection, const Arguments& a) {
  CLEANMAIL_ASSIGN_OR_RETURN(const Json rules, connection.Call("GET", kPath));
  if (line.format == Format::kJson) {
    std::cout << rules.Print(true) << "\n";
    return absl::OkStatus();
  }
  Table table{.headings = {"RULE", "SCORE", "RUNS", "WHAT IT SAYS, OR WHY IT DOES NOT RUN"},
              .rows = {}};
  if (const Json* const all = rules.Find("rules"); all != nullptr) {
    for (const Json& rule : all->items) {
      const Json* const active = rule.Find("active");
      const bool runs = active != nullptr && active->boolean;
      if (runs && a.inactive) continue;
      table.rows.push_back({Shown(rule, "name"), Shown(rule, "score"), runs ? "yes" : "no",
                            Shown(rule, runs ? "description" : "reason")});
    }
  }
  Print(std::cout, table);
  if (const Json* const problems = rules.Find("problems"); problems != nullptr) {
    for (const Json& problem : problems->items) std::cout << "problem: " << problem.text << "\n";
  }
  std::cout << Summary(rules) << "\n";
  return absl::OkStatus();
}

absl::Status Change(const CommandLine& line, const Connection& connection, std::string_view verb) {
  Json nothing = Json::Object();
  CLEANMAIL_ASSIGN_OR_RETURN(const Json rules,
                             connection.Call("POST", base::Cat(kPath, ":", verb), &nothing));
  std::cout << (line.format == Format::kJson ? rules.Print(true) : Summary(rules)) << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddRuleCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared with the verbs' callbacks
  CLI::App* const rules =
      line.app.add_subcommand("rules", "The spam rules of the installation")->require_subcommand(1);
  CLI::App* const status =
      rules->add_subcommand("status", "Which rules run, and why others do not");
  status->add_flag("--inactive", a->inactive, "Only those that do not run");
  line.WhenChosen(
      status, [a, &line](const Connection& connection) { return Status(line, connection, *a); });
  line.WhenChosen(
      rules->add_subcommand("reload", "Read the folders of rules again; takes seconds"),
      [&line](const Connection& connection) { return Change(line, connection, "reload"); });
  line.WhenChosen(
      rules->add_subcommand("rollback", "Put the rules before the present ones into use again"),
      [&line](const Connection& connection) { return Change(line, connection, "rollBack"); });
}

}  // namespace cleanmail::cli
