// queue list, retry.
#include <iostream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {
namespace {

using base::Json;

struct Arguments {
  std::string tenant;
  std::string message;
};

std::string Deliveries(const Arguments& a) {
  return PathOf(base::Cat("tenants/", a.tenant.empty() ? "-" : a.tenant, "/deliveries"));
}

// A time by its new name, or by the one in microseconds.
std::string TimeOf(const Json& delivery, std::string_view time, std::string_view micros) {
  return delivery.Find(time) != nullptr ? Shown(delivery, time) : Shown(delivery, micros);
}

}  // namespace

void AddQueueCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared by the verbs' callbacks
  CLI::App* const queue =
      line.app.add_subcommand("queue", "Messages on their way out")->require_subcommand(1);

  CLI::App* const list =
      queue->add_subcommand("list", "List deliveries not finished, oldest first");
  list->add_option("--tenant", a->tenant, "Only of this tenant");
  line.WhenChosen(list, [a, &line](const Connection& connection) -> absl::Status {
    CLEANMAIL_ASSIGN_OR_RETURN(const Json all, connection.All(Deliveries(*a), "deliveries"));
    Table table{.headings = {"MESSAGE", "SINCE", "ATTEMPTS", "NEXT", "FROM", "TO", "LAST REPLY"},
                .rows = {}};
    for (const Json& d : all.Find("deliveries")->items) {
      const std::string_view sender = d.TextOf("sender");
      table.rows.push_back({Shown(d, "messageId"), TimeOf(d, "createTime", "createdAtUs"),
                            Shown(d, "attempts"), TimeOf(d, "nextAttemptTime", "nextAttemptAtUs"),
                            sender.empty() ? "<>" : std::string(sender), Shown(d, "recipients"),
                            Shown(d, "lastReply")});
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });

  CLI::App* const retry = queue->add_subcommand("retry", "Try deferred deliveries now");
  retry->add_option("MESSAGE", a->message, "Only of this message");
  retry->add_option("--tenant", a->tenant, "Only of this tenant");
  line.WhenChosen(retry, [a, &line](const Connection& connection) -> absl::Status {
    Json body = Json::Object();
    body["messageId"] = Json::String(a->message);
    CLEANMAIL_ASSIGN_OR_RETURN(const Json answer,
                               connection.Call("POST", base::Cat(Deliveries(*a), ":retry"), &body));
    Print(std::cout, line.format, answer,
          {.headings = {"RETRIED"}, .rows = {{Shown(answer, "retried")}}});
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
