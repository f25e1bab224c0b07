// message status, message explain.
#include <iostream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {

namespace {

using base::Json;

struct Arguments {
  std::string id;
  std::string tenant;
};

std::string NameOf(const Arguments& a) {
  return base::Cat("tenants/", a.tenant.empty() ? "-" : a.tenant, "/messages/", a.id);
}

void AddExplain(CommandLine& line, CLI::App* message, const std::shared_ptr<Arguments>& a) {
  CLI::App* const explain =
      message->add_subcommand("explain", "Say in words why a message went where it went");
  explain->add_option("MESSAGE", a->id, "Id of the message")->required();
  explain->add_option("--tenant", a->tenant, "Tenant it belongs to (operators need not say)");
  line.WhenChosen(explain, [a, &line](const Connection& connection) -> absl::Status {
    std::string name = NameOf(*a);
    if (a->tenant.empty()) {
      CLEANMAIL_ASSIGN_OR_RETURN(const Json trace, connection.Call("GET", PathOf(name)));
      name = trace.TextOf("name");
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const Json why, connection.Call("GET", PathOf(name) + ":explain"));
    if (line.format == Format::kJson) {
      std::cout << why.Print(true) << "\n";
      return absl::OkStatus();
    }
    if (const Json* const sentences = why.Find("sentences"); sentences != nullptr) {
      for (const Json& sentence : sentences->items)
        std::cout << base::Printable(sentence.text) << "\n";
    }
    return absl::OkStatus();
  });
}

}  // namespace

void AddMessageCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared with the verb's callback
  CLI::App* const message =
      line.app.add_subcommand("message", "What happened to a message")->require_subcommand(1);
  AddExplain(line, message, a);
  CLI::App* const status = message->add_subcommand("status", "Tell the story of a message");
  status
      ->add_option("MESSAGE", a->id, "Id of the message, as in the 250 reply and the Received line")
      ->required();
  status->add_option("--tenant", a->tenant, "Tenant it belongs to (operators need not say)");
  line.WhenChosen(status, [a, &line](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Json trace, connection.Call("GET", PathOf(NameOf(*a))));
    if (line.format == Format::kTable) {
      const std::string_view sender = trace.TextOf("sender");
      std::cout << "message " << a->id << "\nfrom    "
                << (sender.empty() ? "<>" : base::Printable(sender)) << "\n";
      if (const Json* const to = trace.Find("recipients"); to != nullptr) {
        for (const Json& recipient : to->items)
          std::cout << "to      " << base::Printable(recipient.text) << "\n";
      }
      std::cout << "subject " << base::Printable(trace.TextOf("subject")) << "\n\n";
    }
    Table table{.headings = {"TIME", "WHAT", "RECIPIENT", "DETAIL"}, .rows = {}};
    if (const Json* const entries = trace.Find("entries"); entries != nullptr) {
      for (const Json& e : entries->items) {
        table.rows.push_back({e.Find("time") != nullptr ? Shown(e, "time") : Shown(e, "atUs"),
                              Shown(e, "what"), Shown(e, "recipient"), Shown(e, "detail")});
      }
    }
    Print(std::cout, line.format, trace, table);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
