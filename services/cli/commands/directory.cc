// tenants, domains, users, routes: add, list, remove.
#include <iostream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "proto/cleanmail/provisioning/v1/provisioning.grpc.pb.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {
namespace {

using provisioning::v1::ProvisioningService;
using Stub = ProvisioningService::Stub;
namespace v1 = provisioning::v1;

// What the verbs of this file are told; one instance for the life of the command line.
struct Arguments {
  std::string tenant;
  std::string subject;  // tenant id, domain or address
  std::string display_name;
  std::string policy;
  std::vector<std::string> list;  // aliases, networks, destinations
  bool accounts_required = false;
};

std::string LastPart(const std::string& name) { return name.substr(name.rfind('/') + 1); }
std::string TenantPart(const std::string& name) {
  const size_t begin = name.find('/') + 1;
  return name.substr(begin, name.find('/', begin) - begin);
}

std::string Joined(const google::protobuf::RepeatedPtrField<std::string>& items) {
  std::string text;
  for (const std::string& item : items) text += base::Cat(text.empty() ? "" : ", ", item);
  return text;
}

// Asks for page after page and puts them into one answer.
template <class Request, class Response>
absl::StatusOr<Response> All(Connection& connection,
                             grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                                          Response*),
                             Request request) {
  const auto stub = ProvisioningService::NewStub(connection.channel());
  Response all;
  request.set_page_size(1000);
  do {
    CLEANMAIL_ASSIGN_OR_RETURN(Response page, connection.Call(*stub, method, request));
    request.set_page_token(page.next_page_token());
    page.clear_next_page_token();
    all.MergeFrom(page);
  } while (!request.page_token().empty());
  return all;
}

template <class Request, class Response>
absl::Status Do(Connection& connection,
                grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                const Request& request, const std::string& done, Format format) {
  const auto stub = ProvisioningService::NewStub(connection.channel());
  CLEANMAIL_ASSIGN_OR_RETURN(const Response response, connection.Call(*stub, method, request));
  if (format == Format::kJson) {
    Print(std::cout, format, response, {});
  } else {
    std::cout << done << "\n";
  }
  return absl::OkStatus();
}

void AddTenants(CommandLine& line, const std::shared_ptr<Arguments>& a) {
  CLI::App* const tenants =
      line.app.add_subcommand("tenants", "Companies whose mail is filtered")->require_subcommand(1);
  CLI::App* const add = tenants->add_subcommand("add", "Add a tenant");
  add->add_option("ID", a->subject, "Lower-case letters, digits, hyphens")->required();
  add->add_option("--name", a->display_name, "Name for people");
  add->add_option("--policy", a->policy, "standard (default) or without-report");
  add->add_option("--sending-network", a->list,
                  "Network (CIDR) its own servers send from; may be repeated");
  line.WhenChosen(add, [a, &line](Connection& connection) {
    v1::CreateTenantRequest request;
    request.mutable_tenant()->set_name(base::Cat("tenants/", a->subject));
    request.mutable_tenant()->set_display_name(a->display_name);
    request.mutable_tenant()->set_policy(a->policy);
    for (const std::string& network : a->list)
      request.mutable_tenant()->add_sending_networks(network);
    return Do(connection, &Stub::CreateTenant, request, base::Cat("tenant ", a->subject, " added"),
              line.format);
  });
  CLI::App* const list = tenants->add_subcommand("list", "List tenants");
  line.WhenChosen(list, [&line](Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListTenantsResponse all,
                               All(connection, &Stub::ListTenants, v1::ListTenantsRequest()));
    Table table{.headings = {"TENANT", "NAME", "POLICY", "SENDING NETWORKS"}, .rows = {}};
    for (const v1::Tenant& t : all.tenants())
      table.rows.push_back(
          {LastPart(t.name()), t.display_name(), t.policy(), Joined(t.sending_networks())});
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
  CLI::App* const remove = tenants->add_subcommand(
      "remove",
      "Remove a tenant that has no domains left; its stored mail can then never be read again");
  remove->add_option("ID", a->subject)->required();
  line.WhenChosen(remove, [a, &line](Connection& connection) {
    v1::DeleteTenantRequest request;
    request.set_name(base::Cat("tenants/", a->subject));
    return Do(connection, &Stub::DeleteTenant, request,
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
  line.WhenChosen(add, [a, &line](Connection& connection) {
    v1::CreateDomainRequest request;
    request.mutable_domain()->set_name(base::Cat("tenants/", a->tenant, "/domains/", a->subject));
    request.mutable_domain()->set_recipient_mode(
        a->accounts_required ? v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED : v1::RECIPIENT_MODE_ANY);
    return Do(connection, &Stub::CreateDomain, request, base::Cat("domain ", a->subject, " added"),
              line.format);
  });
  CLI::App* const list = domains->add_subcommand("list", "List domains");
  list->add_option("TENANT", a->tenant, "Only of this tenant");
  line.WhenChosen(list, [a, &line](Connection& connection) -> absl::Status {
    v1::ListDomainsRequest request;
    request.set_parent(base::Cat("tenants/", a->tenant.empty() ? "-" : a->tenant));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListDomainsResponse all,
                               All(connection, &Stub::ListDomains, request));
    Table table{.headings = {"DOMAIN", "TENANT", "RECIPIENTS"}, .rows = {}};
    for (const v1::Domain& d : all.domains()) {
      table.rows.push_back({LastPart(d.name()), TenantPart(d.name()),
                            d.recipient_mode() == v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED
                                ? "accounts required"
                                : "any"});
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
  CLI::App* const remove =
      domains->add_subcommand("remove", "Remove a domain that has no users and no route left");
  remove->add_option("TENANT", a->tenant)->required();
  remove->add_option("DOMAIN", a->subject)->required();
  line.WhenChosen(remove, [a, &line](Connection& connection) {
    v1::DeleteDomainRequest request;
    request.set_name(base::Cat("tenants/", a->tenant, "/domains/", a->subject));
    return Do(connection, &Stub::DeleteDomain, request,
              base::Cat("domain ", a->subject, " removed"), line.format);
  });
}

void AddUsers(CommandLine& line, const std::shared_ptr<Arguments>& a) {
  CLI::App* const users =
      line.app.add_subcommand("users", "People and their addresses")->require_subcommand(1);
  CLI::App* const add = users->add_subcommand("add", "Add a user");
  add->add_option("TENANT", a->tenant)->required();
  add->add_option("ADDRESS", a->subject, "Primary address")->required();
  add->add_option("--name", a->display_name, "Name for people");
  add->add_option("--alias", a->list, "Further address of the same mailbox; may be repeated");
  line.WhenChosen(add, [a, &line](Connection& connection) {
    v1::CreateUserRequest request;
    request.mutable_user()->set_name(base::Cat("tenants/", a->tenant, "/users/", a->subject));
    request.mutable_user()->set_display_name(a->display_name);
    for (const std::string& alias : a->list) request.mutable_user()->add_aliases(alias);
    return Do(connection, &Stub::CreateUser, request, base::Cat("user ", a->subject, " added"),
              line.format);
  });
  CLI::App* const list = users->add_subcommand("list", "List users");
  list->add_option("TENANT", a->tenant, "Only of this tenant");
  line.WhenChosen(list, [a, &line](Connection& connection) -> absl::Status {
    v1::ListUsersRequest request;
    request.set_parent(base::Cat("tenants/", a->tenant.empty() ? "-" : a->tenant));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListUsersResponse all,
                               All(connection, &Stub::ListUsers, request));
    Table table{.headings = {"ADDRESS", "TENANT", "NAME", "ALIASES"}, .rows = {}};
    for (const v1::User& u : all.users())
      table.rows.push_back(
          {LastPart(u.name()), TenantPart(u.name()), u.display_name(), Joined(u.aliases())});
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
  CLI::App* const remove = users->add_subcommand("remove", "Remove a user and his aliases");
  remove->add_option("TENANT", a->tenant)->required();
  remove->add_option("ADDRESS", a->subject)->required();
  line.WhenChosen(remove, [a, &line](Connection& connection) {
    v1::DeleteUserRequest request;
    request.set_name(base::Cat("tenants/", a->tenant, "/users/", a->subject));
    return Do(connection, &Stub::DeleteUser, request, base::Cat("user ", a->subject, " removed"),
              line.format);
  });
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
  line.WhenChosen(add, [a, &line](Connection& connection) {
    v1::CreateRouteRequest request;
    request.mutable_route()->set_name(base::Cat("tenants/", a->tenant, "/routes/", a->subject));
    for (const std::string& destination : a->list)
      request.mutable_route()->add_destinations(destination);
    return Do(connection, &Stub::CreateRoute, request, base::Cat("route of ", a->subject, " added"),
              line.format);
  });
  CLI::App* const list = routes->add_subcommand("list", "List routes");
  list->add_option("TENANT", a->tenant, "Only of this tenant");
  line.WhenChosen(list, [a, &line](Connection& connection) -> absl::Status {
    v1::ListRoutesRequest request;
    request.set_parent(base::Cat("tenants/", a->tenant.empty() ? "-" : a->tenant));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::ListRoutesResponse all,
                               All(connection, &Stub::ListRoutes, request));
    Table table{.headings = {"DOMAIN", "TENANT", "DESTINATIONS"}, .rows = {}};
    for (const v1::Route& r : all.routes())
      table.rows.push_back({LastPart(r.name()), TenantPart(r.name()), Joined(r.destinations())});
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
  CLI::App* const remove =
      routes->add_subcommand("remove", "Remove the route of a domain: its MX is used again");
  remove->add_option("TENANT", a->tenant)->required();
  remove->add_option("DOMAIN", a->subject)->required();
  line.WhenChosen(remove, [a, &line](Connection& connection) {
    v1::DeleteRouteRequest request;
    request.set_name(base::Cat("tenants/", a->tenant, "/routes/", a->subject));
    return Do(connection, &Stub::DeleteRoute, request,
              base::Cat("route of ", a->subject, " removed"), line.format);
  });
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
