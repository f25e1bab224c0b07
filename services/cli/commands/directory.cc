// tenants, domains, users, routes: add, list, remove.
#include <iostream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {
namespace {

using base::Json;

// What the verbs of this file are told; one instance for the life of the command line.
struct Arguments {
  std::string tenant;
  std::string subject;  // tenant id, domain or address
  std::string display_name;
  std::string policy;
  std::string partner;
  std::vector<std::string> list;  // aliases, networks, destinations
  bool accounts_required = false;
  bool staged = false;
};

Json Strings(const std::vector<std::string>& texts) {
  Json list = Json::Array();
  for (const std::string& text : texts) list.Add(Json::String(text));
  return list;
}

absl::Status Say(const absl::StatusOr<Json>& answer, const std::string& done, Format format) {
  CLEANMAIL_RETURN_IF_ERROR(answer.status());
  if (format == Format::kJson) {
    std::cout << answer->Print(true) << "\n";
  } else {
    std::cout << done << "\n";
  }
  return absl::OkStatus();
}

// `tenants/acme/users`, or of all tenants.
std::string Collection(const std::string& tenant, std::string_view name) {
  return PathOf(base::Cat("tenants/", tenant.empty() ? "-" : tenant, "/", name));
}

std::string DomainPath(const Arguments& a) {
  return PathOf(base::Cat("tenants/", a.tenant, "/domains/", a.subject));
}

// `RECIPIENT_MODE_ANY` as `any`.
std::string InWords(const std::string& shown) {
  for (const std::string_view prefix : {"RECIPIENT_MODE_", "DOMAIN_STATE_"}) {
    if (shown.starts_with(prefix)) return Words(shown, prefix);
  }
  return shown;
}

// A list verb: name, tenant and the given fields as columns.
void AddList(CommandLine& line, CLI::App* list, std::function<std::string()> path,
             std::string items, Table headings, std::vector<std::string> fields) {
  line.WhenChosen(list, [=, &line](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Json all, connection.All(path(), items));
    Table table = headings;
    for (const Json& item : all.Find(items)->items) {
      std::vector<std::string> row = {LastPart(item.TextOf("name"))};
      if (items != "tenants") row.push_back(TenantPart(item.TextOf("name")));
      for (const std::string& field : fields) row.push_back(InWords(Shown(item, field)));
      table.rows.push_back(std::move(row));
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
}

// A remove verb of something inside a tenant.
void AddRemove(CommandLine& line, CLI::App* remove, const std::shared_ptr<Arguments>& a,
               std::string collection, std::string noun) {
  remove->add_option("TENANT", a->tenant)->required();
  remove->add_option(noun == "user" ? "ADDRESS" : "DOMAIN", a->subject)->required();
  line.WhenChosen(remove, [=, &line](const Connection& connection) {
    const std::string path =
        PathOf(base::Cat("tenants/", a->tenant, "/", collection, "/", a->subject));
    return Say(connection.Call("DELETE", path), base::Cat(noun, " ", a->subject, " removed"),
               line.format);
  });
}

// Makes a resource `tenants/{tenant}/{collection}/{subject}`.
absl::StatusOr<Json> Make(const Connection& connection, const Arguments& a,
                          std::string_view collection, Json resource) {
  resource["name"] = Json::String(base::Cat("tenants/", a.tenant, "/", collection, "/", a.subject));
  return connection.Call("POST", Collection(a.tenant, collection), &resource);
}

void AddTenants(CommandLine& line, const std::shared_ptr<Arguments>& a) {
  CLI::App* const tenants =
      line.app.add_subcommand("tenants", "Companies whose mail is filtered")->require_subcommand(1);
  CLI::App* const add = tenants->add_subcommand("add", "Add a tenant");
  add->add_option("ID", a->subject, "Lower-case letters, digits, hyphens")->required();
  add->add_option("--name", a->display_name, "Name for people");
  add->add_option("--policy", a->policy, "Policy its mail is judged by (default: standard)");
  add->add_option("--partner", a->partner, "Partner who looks after it");
  add->add_option("--sending-network", a->list,
                  "Network (CIDR) its own servers send from; may be repeated");
  line.WhenChosen(add, [a, &line](const Connection& connection) {
    Json tenant = Json::Object();
    tenant["name"] = Json::String(base::Cat("tenants/", a->subject));
    tenant["displayName"] = Json::String(a->display_name);
    tenant["policy"] = Json::String(a->policy);
    tenant["sendingNetworks"] = Strings(a->list);
    if (!a->partner.empty()) tenant["partner"] = Json::String(base::Cat("partners/", a->partner));
    return Say(connection.Call("POST", "/v1/tenants", &tenant),
               base::Cat("tenant ", a->subject, " added"), line.format);
  });
  AddList(line, tenants->add_subcommand("list", "List tenants"), [] { return "/v1/tenants"; },
          "tenants", {.headings = {"TENANT", "NAME", "POLICY", "SENDING NETWORKS"}, .rows = {}},
          {"displayName", "policy", "sendingNetworks"});
  CLI::App* const remove = tenants->add_subcommand(
      "remove",
      "Remove a tenant that has no domains left; its stored mail can then never be read again");
  remove->add_option("ID", a->subject)->required();
  line.WhenChosen(remove, [a, &line](const Connection& connection) {
    return Say(connection.Call("DELETE", PathOf(base::Cat("tenants/", a->subject))),
               base::Cat("tenant ", a->subject, " removed"), line.format);
  });
}

void AddDomains(CommandLine& line, const std::shared_ptr<Arguments>& a) {
  CLI::App* const domains =
      line.app.add_subcommand("domains", "Mail domains of tenants")->require_subcommand(1);
  CLI::App* const add = domains->add_subcommand("add", "Add a domain to a tenant");
  add->add_option("TENANT", a->tenant)->required();
  add->add_option("DOMAIN", a->subject)->required();
  add->add_flag("--accounts-required", a->accounts_required,
                "Refuse recipients that are no user and no alias");
  add->add_flag("--staged", a->staged, "Set it up first: SMTP answers 4xx until it is live");
  line.WhenChosen(add, [a, &line](const Connection& connection) {
    Json domain = Json::Object();
    domain["recipientMode"] = Json::String(a->accounts_required ? "RECIPIENT_MODE_ACCOUNTS_REQUIRED"
                                                                : "RECIPIENT_MODE_ANY");
    if (a->staged) domain["state"] = Json::String("DOMAIN_STATE_STAGED");
    return Say(Make(connection, *a, "domains", std::move(domain)),
               base::Cat("domain ", a->subject, " added"), line.format);
  });
  CLI::App* const list = domains->add_subcommand("list", "List domains");
  list->add_option("TENANT", a->tenant, "Only of this tenant");
  AddList(line, list, [a] { return Collection(a->tenant, "domains"); }, "domains",
          {.headings = {"DOMAIN", "TENANT", "RECIPIENTS", "STATE"}, .rows = {}},
          {"recipientMode", "state"});
  CLI::App* const live = domains->add_subcommand("live", "Switch a staged domain live");
  live->add_option("TENANT", a->tenant)->required();
  live->add_option("DOMAIN", a->subject)->required();
  line.WhenChosen(live, [a, &line](const Connection& connection) {
    const Json body = Json::Object();
    return Say(connection.Call("POST", DomainPath(*a) + ":goLive", &body),
               base::Cat("domain ", a->subject, " is live"), line.format);
  });
  CLI::App* const delivery = domains->add_subcommand(
      "delivery", "Switch delivery to the domain's server off (mail waits) or on again");
  delivery->add_option("TENANT", a->tenant)->required();
  delivery->add_option("DOMAIN", a->subject)->required();
  delivery->add_option("STATE", a->policy, "on or off")
      ->required()
      ->check(CLI::IsMember({"on", "off"}));
  line.WhenChosen(delivery, [a, &line](const Connection& connection) {
    Json body = Json::Object();
    body["deliveryOff"] = Json::Bool(a->policy == "off");
    return Say(connection.Call("PATCH", DomainPath(*a), &body),
               base::Cat("delivery to ", a->subject, " is ", a->policy), line.format);
  });
  CLI::App* const relays = domains->add_subcommand(
      "relays", "Say which gateways stand in front of this one for the domain's mail");
  relays->add_option("TENANT", a->tenant)->required();
  relays->add_option("DOMAIN", a->subject)->required();
  relays->add_option("NETWORK", a->list, "Their networks (CIDR), all of them; none: no gateway");
  line.WhenChosen(relays, [a, &line](const Connection& connection) {
    Json body = Json::Object();
    body["trustedRelays"] = Strings(a->list);
    return Say(connection.Call("PATCH", DomainPath(*a), &body),
               base::Cat("gateways in front of ", a->subject, ": ", a->list.size(), " networks"),
               line.format);
  });
  AddRemove(
      line,
      domains->add_subcommand("remove", "Remove a domain that has no users and no route left"), a,
      "domains", "domain");
}

void AddUsers(CommandLine& line, const std::shared_ptr<Arguments>& a) {
  CLI::App* const users =
      line.app.add_subcommand("users", "People and their addresses")->require_subcommand(1);
  CLI::App* const add = users->add_subcommand("add", "Add a user");
  add->add_option("TENANT", a->tenant)->required();
  add->add_option("ADDRESS", a->subject, "Primary address")->required();
  add->add_option("--name", a->display_name, "Name for people");
  add->add_option("--alias", a->list, "Further address of the same mailbox; may be repeated");
  line.WhenChosen(add, [a, &line](const Connection& connection) {
    Json user = Json::Object();
    user["displayName"] = Json::String(a->display_name);
    user["aliases"] = Strings(a->list);
    return Say(Make(connection, *a, "users", std::move(user)),
               base::Cat("user ", a->subject, " added"), line.format);
  });
  CLI::App* const list = users->add_subcommand("list", "List users");
  list->add_option("TENANT", a->tenant, "Only of this tenant");
  AddList(line, list, [a] { return Collection(a->tenant, "users"); }, "users",
          {.headings = {"ADDRESS", "TENANT", "NAME", "ALIASES"}, .rows = {}},
          {"displayName", "aliases"});
  AddRemove(line, users->add_subcommand("remove", "Remove a user and his aliases"), a, "users",
            "user");
}

void AddRoutes(CommandLine& line, const std::shared_ptr<Arguments>& a) {
  CLI::App* const routes =
      line.app.add_subcommand("routes", "Where mail of a domain is delivered, instead of its MX")
          ->require_subcommand(1);
  CLI::App* const add = routes->add_subcommand("add", "Add the route of a domain");
  add->add_option("TENANT", a->tenant)->required();
  add->add_option("DOMAIN", a->subject)->required();
  add->add_option("DESTINATION", a->list,
                  "host:port, tried in the order given; port 25 if left out")
      ->required();
  line.WhenChosen(add, [a, &line](const Connection& connection) {
    Json route = Json::Object();
    route["destinations"] = Strings(a->list);
    return Say(Make(connection, *a, "routes", std::move(route)),
               base::Cat("route of ", a->subject, " added"), line.format);
  });
  CLI::App* const list = routes->add_subcommand("list", "List routes");
  list->add_option("TENANT", a->tenant, "Only of this tenant");
  AddList(line, list, [a] { return Collection(a->tenant, "routes"); }, "routes",
          {.headings = {"DOMAIN", "TENANT", "DESTINATIONS"}, .rows = {}}, {"destinations"});
  AddRemove(line,
            routes->add_subcommand("remove", "Remove the route of a domain: its MX is used again"),
            a, "routes", "route of");
}

}  // namespace

void AddDirectoryCommands(CommandLine& line) {
  const auto arguments = std::make_shared<Arguments>();  // shared by the verbs' callbacks
  AddTenants(line, arguments);
  AddDomains(line, arguments);
  AddUsers(line, arguments);
  AddRoutes(line, arguments);
}

}  // namespace cleanmail::cli
