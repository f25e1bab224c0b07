// message search, status, explain.
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

constexpr size_t kEnough = 100;  // messages a search prints, about

void AddSearch(CommandLine& line, CLI::App* parent) {
  struct Wanted {
    std::string filter;
    std::string tenant;
  };
  const auto a = std::make_shared<Wanted>();  // shared with the verb's callback
  CLI::App* const search = parent->add_subcommand("search", "Find messages, newest first");
  search->add_option("FILTER", a->filter,
                     "sender = ann@example.org AND verdict = held; a word alone is looked for in "
                     "the subject");
  search->add_option("--tenant", a->tenant, "Only of this tenant");
  line.WhenChosen(search, [a, &line](const Connection& connection) -> absl::Status {
    const std::string path =
        PathOf(base::Cat("tenants/", a->tenant.empty() ? "-" : a->tenant, "/messages"));
    Json all = Json::Object();
    all["messages"] = Json::Array();
    Table table{.headings = {"MESSAGE", "TIME", "FROM", "TO", "VERDICT", "SUBJECT"}, .rows = {}};
    std::string token;
    do {  // a page may be empty and still have a next one
      CLEANMAIL_ASSIGN_OR_RETURN(
          const Json page,
          connection.Call("GET", path, nullptr, {{"filter", a->filter}, {"pageToken", token}}));
      if (const Json* const found = page.Find("messages"); found != nullptr) {
        for (const Json& message : found->items) all["messages"].Add(message);
      }
      token = std::string(page.TextOf("nextPageToken"));
    } while (!token.empty() && all["messages"].items.size() < kEnough);
    for (const Json& message : all["messages"].items) {
      const Json* const to = message.Find("recipients");
      if (to == nullptr) continue;
      for (const Json& recipient : to->items) {
        table.rows.push_back({LastPart(message.TextOf("name")), Shown(message, "acceptTime"),
                              Shown(message, "sender"), Shown(recipient, "address"),
                              Words(recipient.TextOf("verdict"), "VERDICT_"),
                              Shown(message, "subject")});
      }
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });
}

}  // namespace

void AddMessageCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared with the verb's callback
  CLI::App* const message =
      line.app.add_subcommand("message", "What happened to a message")->require_subcommand(1);
  AddSearch(line, message);
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
          std::cout << "to      " << base::Printable(recipient.TextOf("address")) << " "
                    << Words(recipient.TextOf("verdict"), "VERDICT_") << "\n";
      }
      std::cout << "subject " << base::Printable(trace.TextOf("subject")) << "\n\n";
    }
    Table table{.headings = {"TIME", "WHAT", "RECIPIENT", "DETAIL"}, .rows = {}};
    if (const Json* const entries = trace.Find("entries"); entries != nullptr) {
      for (const Json& e : entries->items) {
        table.rows.push_back(
            {Shown(e, "time"), Shown(e, "what"), Shown(e, "recipient"), Shown(e, "detail")});
      }
    }
    Print(std::cout, line.format, trace, table);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
