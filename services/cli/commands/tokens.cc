// tokens create, list, revoke.
#include <iostream>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {
namespace {

using base::Json;

struct Arguments {
  std::string tenant;
  std::string partner;
  std::string name;
  std::string description;
  std::string user;
  std::vector<std::string> domains;
  std::vector<std::string> scopes;
  int days = 0;
};

// `apiTokens` of the installation, a partner or a tenant.
std::string Collection(const Arguments& a) {
  if (!a.tenant.empty()) return PathOf(base::Cat("tenants/", a.tenant, "/apiTokens"));
  if (!a.partner.empty()) return PathOf(base::Cat("partners/", a.partner, "/apiTokens"));
  return "/v1/apiTokens";
}

std::string RoleOf(const Arguments& a) {
  if (!a.user.empty()) return "ROLE_USER";
  if (!a.domains.empty()) return "ROLE_DOMAIN";
  if (!a.tenant.empty()) return "ROLE_TENANT";
  return a.partner.empty() ? "ROLE_OPERATOR" : "ROLE_PARTNER";
}

void AddOwner(CLI::App* verb, const std::shared_ptr<Arguments>& a) {
  CLI::Option* const tenant = verb->add_option("--tenant", a->tenant, "Of this tenant");
  verb->add_option("--partner", a->partner, "Of this partner")->excludes(tenant);
}

void AddCreate(CommandLine& line, CLI::App* tokens, const std::shared_ptr<Arguments>& a) {
  CLI::App* const create = tokens->add_subcommand(
      "create", "Make a token; its secret is shown once. Without an owner: an operator's");
  AddOwner(create, a);
  create->add_option("--domain", a->domains, "Only for this domain of the tenant; may be repeated");
  create->add_option("--user", a->user, "Only for this user of the tenant");
  create->add_option("--scope", a->scopes,
                     "Only this permission: holds.release, holds.*, *.read; may be repeated");
  create->add_option("--description", a->description, "What it is for");
  create->add_option("--days", a->days, "Days until it ends (default: never)");
  line.WhenChosen(create, [a, &line](const Connection& connection) -> absl::Status {
    Json token = Json::Object();
    token["description"] = Json::String(a->description);
    token["role"] = Json::String(RoleOf(*a));
    token["user"] = Json::String(a->user);
    token["domains"] = Json::Array();
    for (const std::string& domain : a->domains) token["domains"].Add(Json::String(domain));
    token["scopes"] = Json::Array();
    for (const std::string& scope : a->scopes) token["scopes"].Add(Json::String(scope));
    if (a->days > 0) {
      token["expireTime"] = Json::String(absl::FormatTime(
          "%Y-%m-%dT%H:%M:%SZ", absl::Now() + absl::Hours(24) * a->days, absl::UTCTimeZone()));
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const Json made, connection.Call("POST", Collection(*a), &token));
    if (line.format == Format::kJson) {
      std::cout << made.Print(true) << "\n";
    } else {
      std::cout << made.TextOf("secret") << "\n";
      std::cerr << "This is " << made.TextOf("name") << "; its secret cannot be shown again.\n";
    }
    return absl::OkStatus();
  });
}

}  // namespace

void AddTokenCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared by the verbs' callbacks
  CLI::App* const tokens =
      line.app.add_subcommand("tokens", "API tokens, for programs and for other machines")
          ->require_subcommand(1);
  AddCreate(line, tokens, a);

  CLI::App* const list = tokens->add_subcommand("list", "List tokens");
  AddOwner(list, a);
  line.WhenChosen(list, [a, &line](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Json all, connection.All(Collection(*a), "apiTokens"));
    Table table{.headings = {"NAME", "ROLE", "FOR", "SCOPES", "EXPIRES", "LAST USE", "DESCRIPTION"},
                .rows = {}};
    for (const Json& token : all.Find("apiTokens")->items) {
      const std::string user(token.TextOf("user"));
      table.rows.push_back({std::string(token.TextOf("name")), Words(token.TextOf("role"), "ROLE_"),
                            user.empty() ? Shown(token, "domains") : user, Shown(token, "scopes"),
                            Shown(token, "expireTime"), Shown(token, "lastUseTime"),
                            Shown(token, "description")});
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });

  CLI::App* const revoke = tokens->add_subcommand("revoke", "Revoke a token at once");
  revoke->add_option("NAME", a->name, "As list shows it: tenants/acme/apiTokens/…")->required();
  line.WhenChosen(revoke, [a, &line](const Connection& connection) -> absl::Status {
    const absl::StatusOr<Json> answer = connection.Call("DELETE", PathOf(a->name));
    CLEANMAIL_RETURN_IF_ERROR(answer.status());
    if (line.format == Format::kTable) std::cout << "token " << a->name << " revoked\n";
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
