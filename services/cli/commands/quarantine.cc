// quarantine list, show, release, delete, bulk-release, bulk-delete.
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
  std::string message;
  std::vector<std::string> recipients;
  std::string filter;
  bool all = false;
  bool rescan = false;
  bool accept_risk = false;
  bool preview = false;
};

std::string PathTo(const Arguments& a) {
  return PathOf(base::Cat("tenants/", a.tenant.empty() ? "-" : a.tenant, "/holds/", a.message));
}

std::string Sender(const Json& hold) {
  const std::string sender(hold.TextOf("sender"));
  return sender.empty() ? "<>" : sender;
}

const std::vector<Json>& ItemsOf(const Json& resource, std::string_view field) {
  static const std::vector<Json> kNone;
  const Json* const list = resource.Find(field);
  return list == nullptr ? kNone : list->items;
}

Table ToTable(const Json& hold) {
  Table table{.headings = {"FIELD", "VALUE"},
              .rows = {{"message", LastPart(hold.TextOf("name"))},
                       {"tenant", TenantPart(hold.TextOf("name"))},
                       {"kind", Words(hold.TextOf("kind"), "HOLD_KIND_")},
                       {"rule", Shown(hold, "rule")},
                       {"reason", Shown(hold, "reason")},
                       {"from", Sender(hold)},
                       {"subject", Shown(hold, "subject")},
                       {"score", Shown(hold, "score")},
                       {"size", base::Cat(Shown(hold, "size"), " bytes")},
                       {"held", Shown(hold, "holdTime")},
                       {"expires", Shown(hold, "expireTime")}}};
  for (const Json& finding : ItemsOf(hold, "findings")) {
    const std::string_view evidence = finding.TextOf("evidence");
    table.rows.push_back(
        {"finding", base::Cat(finding.TextOf("name"), evidence.empty() ? "" : ": ", evidence)});
  }
  for (const Json& recipient : ItemsOf(hold, "recipients")) {
    const std::string_view detail = recipient.TextOf("detail");
    table.rows.push_back({"recipient", base::Cat(recipient.TextOf("address"), " ",
                                                 Words(recipient.TextOf("state"), "HOLD_STATE_"),
                                                 detail.empty() ? "" : ": ", detail)});
  }
  return table;
}

absl::Status Show(const absl::StatusOr<Json>& hold, Format format) {
  CLEANMAIL_RETURN_IF_ERROR(hold.status());
  Print(std::cout, format, *hold, ToTable(*hold));
  return absl::OkStatus();
}

void AddList(CommandLine& line, CLI::App* parent, const std::shared_ptr<Arguments>& a) {
  CLI::App* const list = parent->add_subcommand("list", "List holds, newest first");
  list->add_option("--tenant", a->tenant, "Only of this tenant");
  list->add_option("--filter", a->filter,
                   "rule = \"standard/x\" AND policy_version >= 7; a word alone is looked for in "
                   "the subject");
  list->add_flag("--all", a->all, "Also those that are released, deleted or expired");
  line.WhenChosen(list, [a, &line](const Connection& connection) -> absl::Status {
    Query query;
    if (!a->filter.empty()) query.emplace_back("filter", a->filter);
    if (!a->all) query.emplace_back("onlyHeld", "true");
    CLEANMAIL_ASSIGN_OR_RETURN(
        const Json all,
        connection.All(PathOf(base::Cat("tenants/", a->tenant.empty() ? "-" : a->tenant, "/holds")),
                       "holds", query));
    Table table{.headings = {"MESSAGE", "TENANT", "HELD", "KIND", "FROM", "TO", "SUBJECT"},
                .rows = {}};
    for (const Json& hold : ItemsOf(all, "holds")) {
      const std::vector<Json>& recipients = ItemsOf(hold, "recipients");
      std::string to(recipients.empty() ? "" : recipients[0].TextOf("address"));
      if (recipients.size() > 1) to += base::Cat(" +", recipients.size() - 1);
      table.rows.push_back({LastPart(hold.TextOf("name")), TenantPart(hold.TextOf("name")),
                            Shown(hold, "holdTime"), Words(hold.TextOf("kind"), "HOLD_KIND_"),
                            Sender(hold), to, Shown(hold, "subject")});
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
}

// Bulk work by filter: begun, then followed until it is done.
void AddBulk(CommandLine& line, CLI::App* parent, const std::shared_ptr<Arguments>& a,
             const std::string& verb, const std::string& method, const char* what) {
  CLI::App* const bulk = parent->add_subcommand(verb, what);
  bulk->add_option("FILTER", a->filter, "rule = \"standard/x\" AND policy_version >= 7")
      ->required();
  bulk->add_option("--tenant", a->tenant, "Tenant they belong to")->required();
  bulk->add_flag("--preview", a->preview, "Only say how many there are");
  if (method == "bulkRelease")
    bulk->add_flag("--accept-risk", a->accept_risk, "Also malware, and what could not be scanned");
  line.WhenChosen(bulk, [a, method, &line](const Connection& connection) -> absl::Status {
    Json body = Json::Object();
    body["filter"] = Json::String(a->filter);
    if (a->preview) body["validateOnly"] = Json::Bool(true);
    if (a->accept_risk) body["acceptRisk"] = Json::Bool(true);
    CLEANMAIL_ASSIGN_OR_RETURN(
        Json batch,
        connection.Call("POST", PathOf(base::Cat("tenants/", a->tenant, "/holds")) + ":" + method,
                        &body));
    const auto state = [&batch] {
      const Json* const progress = batch.Find("progress");
      return progress == nullptr ? std::string() : std::string(progress->TextOf("state"));
    };
    while (state() == "STATE_RUNNING") {
      absl::SleepFor(absl::Milliseconds(500));
      CLEANMAIL_ASSIGN_OR_RETURN(batch, connection.Call("GET", PathOf(batch.TextOf("name"))));
    }
    const Json* const progress = batch.Find("progress");
    Table table{.headings = {"FIELD", "VALUE"}, .rows = {{"skipped", Shown(batch, "skipped")}}};
    if (progress != nullptr) {
      table.rows.push_back({"recipients", Shown(*progress, "total")});
      table.rows.push_back({"state", Words(progress->TextOf("state"), "STATE_")});
    }
    Print(std::cout, line.format, batch, table);
    return absl::OkStatus();
  });
}

}  // namespace

void AddQuarantineCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared by the verbs' callbacks
  CLI::App* const quarantine =
      line.app.add_subcommand("quarantine", "Messages held back")->require_subcommand(1);
  AddList(line, quarantine, a);
  AddBulk(line, quarantine, a, "bulk-release", "bulkRelease",
          "Release every held recipient a filter is true for");
  AddBulk(line, quarantine, a, "bulk-delete", "bulkDelete",
          "Delete every held recipient a filter is true for");

  CLI::App* const show =
      quarantine->add_subcommand("show", "Show one hold: why, from whom, for whom");
  show->add_option("MESSAGE", a->message, "Id of the message")->required();
  show->add_option("--tenant", a->tenant, "Tenant it belongs to (operators need not say)");
  line.WhenChosen(show, [a, &line](const Connection& connection) {
    return Show(connection.Call("GET", PathTo(*a)), line.format);
  });

  CLI::App* const release =
      quarantine->add_subcommand("release", "Let a message go to its recipients");
  release->add_option("MESSAGE", a->message, "Id of the message")->required();
  release->add_option("--tenant", a->tenant, "Tenant it belongs to (operators need not say)");
  release->add_option("--recipient", a->recipients,
                      "Only to this recipient; may be repeated (default: all still held)");
  release->add_flag("--rescan", a->rescan,
                    "Only when a new scan with the newest signatures finds no malware");
  release->add_flag("--accept-risk", a->accept_risk, "Also malware, and what could not be scanned");
  line.WhenChosen(release, [a, &line](const Connection& connection) {
    Json body = Json::Object();
    body["recipients"] = Json::Array();
    for (const std::string& recipient : a->recipients)
      body["recipients"].Add(Json::String(recipient));
    if (a->rescan) body["rescan"] = Json::Bool(true);
    if (a->accept_risk) body["acceptRisk"] = Json::Bool(true);
    return Show(connection.Call("POST", base::Cat(PathTo(*a), ":release"), &body), line.format);
  });

  CLI::App* const remove =
      quarantine->add_subcommand("delete", "Forget a hold; the message is delivered to nobody");
  remove->add_option("MESSAGE", a->message, "Id of the message")->required();
  remove->add_option("--tenant", a->tenant, "Tenant it belongs to (operators need not say)");
  line.WhenChosen(remove, [a, &line](const Connection& connection) {
    return Show(connection.Call("DELETE", PathTo(*a)), line.format);
  });
}

}  // namespace cleanmail::cli
