// quarantine list, show, release, delete.
#include <iostream>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "proto/cleanmail/quarantine/v1/quarantine.grpc.pb.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {
namespace {

using quarantine::v1::QuarantineService;
using Stub = QuarantineService::Stub;
namespace v1 = quarantine::v1;

struct Arguments {
  std::string tenant;
  std::string message;
  std::vector<std::string> recipients;
  bool all = false;
};

// "HOLD_KIND_COULD_NOT_SCAN" as "could not scan".
std::string Words(std::string name, std::string_view prefix) {
  name = absl::AsciiStrToLower(name.substr(prefix.size()));
  for (char& c : name) c = c == '_' ? ' ' : c;
  return name;
}
std::string KindText(mail::v1::HoldKind kind) {
  return Words(mail::v1::HoldKind_Name(kind), "HOLD_KIND_");
}
std::string StateText(v1::HoldState state) {
  return Words(v1::HoldState_Name(state), "HOLD_STATE_");
}

std::string IdOf(const v1::Hold& hold) { return hold.name().substr(hold.name().rfind('/') + 1); }
std::string TenantOf(const v1::Hold& hold) {
  return hold.name().substr(8, hold.name().find('/', 8) - 8);
}
std::string HoldName(const Arguments& a) {
  return base::Cat("tenants/", a.tenant.empty() ? "-" : a.tenant, "/holds/", a.message);
}

Table ToTable(const v1::Hold& hold) {
  Table table{.headings = {"FIELD", "VALUE"},
              .rows = {{"message", IdOf(hold)},
                       {"tenant", TenantOf(hold)},
                       {"kind", KindText(hold.kind())},
                       {"rule", hold.rule()},
                       {"reason", hold.reason()},
                       {"from", hold.sender().empty() ? "<>" : hold.sender()},
                       {"subject", hold.subject()},
                       {"score", absl::StrFormat("%.1f", hold.score())},
                       {"size", base::Cat(hold.size(), " bytes")},
                       {"held", TimeText(hold.held_at_us())},
                       {"expires", TimeText(hold.expires_at_us())}}};
  for (const mail::v1::Finding& f : hold.findings()) {
    table.rows.push_back(
        {"finding", base::Cat(f.name(), f.evidence().empty() ? "" : ": ", f.evidence())});
  }
  for (const v1::HeldRecipient& r : hold.recipients()) {
    table.rows.push_back({"recipient", base::Cat(r.address(), " ", StateText(r.state()),
                                                 r.detail().empty() ? "" : ": ", r.detail())});
  }
  return table;
}

void AddList(CommandLine& line, CLI::App* parent, const std::shared_ptr<Arguments>& a) {
  CLI::App* const list = parent->add_subcommand("list", "List holds, newest first");
  list->add_option("--tenant", a->tenant, "Only of this tenant");
  list->add_flag("--all", a->all, "Also those that are released, deleted or expired");
  line.WhenChosen(list, [a, &line](Connection& connection) -> absl::Status {
    const auto stub = QuarantineService::NewStub(connection.channel());
    v1::ListHoldsRequest request;
    request.set_parent(base::Cat("tenants/", a->tenant.empty() ? "-" : a->tenant));
    request.set_only_held(!a->all);
    request.set_page_size(1000);
    v1::ListHoldsResponse all;
    do {
      CLEANMAIL_ASSIGN_OR_RETURN(v1::ListHoldsResponse page,
                                 connection.Call(*stub, &Stub::ListHolds, request));
      request.set_page_token(page.next_page_token());
      page.clear_next_page_token();
      all.MergeFrom(page);
    } while (!request.page_token().empty());
    Table table{.headings = {"MESSAGE", "TENANT", "HELD", "KIND", "FROM", "TO", "SUBJECT"},
                .rows = {}};
    for (const v1::Hold& hold : all.holds()) {
      std::string to = hold.recipients().empty() ? "" : hold.recipients(0).address();
      if (hold.recipients_size() > 1) to += base::Cat(" +", hold.recipients_size() - 1);
      table.rows.push_back({IdOf(hold), TenantOf(hold), TimeText(hold.held_at_us()),
                            KindText(hold.kind()), hold.sender().empty() ? "<>" : hold.sender(), to,
                            hold.subject()});
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
}

}  // namespace

void AddQuarantineCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared by the verbs' callbacks
  CLI::App* const quarantine =
      line.app.add_subcommand("quarantine", "Messages held back")->require_subcommand(1);
  AddList(line, quarantine, a);

  CLI::App* const show =
      quarantine->add_subcommand("show", "Show one hold: why, from whom, for whom");
  show->add_option("MESSAGE", a->message, "Id of the message")->required();
  line.WhenChosen(show, [a, &line](Connection& connection) -> absl::Status {
    const auto stub = QuarantineService::NewStub(connection.channel());
    v1::GetHoldRequest request;
    request.set_name(HoldName(*a));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::Hold hold,
                               connection.Call(*stub, &Stub::GetHold, request));
    Print(std::cout, line.format, hold, ToTable(hold));
    return absl::OkStatus();
  });

  CLI::App* const release =
      quarantine->add_subcommand("release", "Let a message go to its recipients");
  release->add_option("MESSAGE", a->message, "Id of the message")->required();
  release->add_option("--recipient", a->recipients,
                      "Only to this recipient; may be repeated (default: all still held)");
  line.WhenChosen(release, [a, &line](Connection& connection) -> absl::Status {
    const auto stub = QuarantineService::NewStub(connection.channel());
    v1::ReleaseHoldRequest request;
    request.set_name(HoldName(*a));
    for (const std::string& recipient : a->recipients) request.add_recipients(recipient);
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::Hold hold,
                               connection.Call(*stub, &Stub::ReleaseHold, request));
    Print(std::cout, line.format, hold, ToTable(hold));
    return absl::OkStatus();
  });

  CLI::App* const remove =
      quarantine->add_subcommand("delete", "Forget a hold; the message is delivered to nobody");
  remove->add_option("MESSAGE", a->message, "Id of the message")->required();
  line.WhenChosen(remove, [a, &line](Connection& connection) -> absl::Status {
    const auto stub = QuarantineService::NewStub(connection.channel());
    v1::DeleteHoldRequest request;
    request.set_name(HoldName(*a));
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::Hold hold,
                               connection.Call(*stub, &Stub::DeleteHold, request));
    Print(std::cout, line.format, hold, ToTable(hold));
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
