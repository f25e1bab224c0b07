// queue list, retry.
#include <iostream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "proto/cleanmail/egress/v1/egress.grpc.pb.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {
namespace {

using egress::v1::EgressService;
using Stub = EgressService::Stub;
namespace v1 = egress::v1;

struct Arguments {
  std::string tenant;
  std::string message;
};

std::string Parent(const Arguments& a) {
  return base::Cat("tenants/", a.tenant.empty() ? "-" : a.tenant);
}

}  // namespace

void AddQueueCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared by the verbs' callbacks
  CLI::App* const queue =
      line.app.add_subcommand("queue", "Messages on their way out")->require_subcommand(1);

  CLI::App* const list =
      queue->add_subcommand("list", "List deliveries not finished, oldest first");
  list->add_option("--tenant", a->tenant, "Only of this tenant");
  line.WhenChosen(list, [a, &line](Connection& connection) -> absl::Status {
    const auto stub = EgressService::NewStub(connection.channel());
    v1::ListDeliveriesRequest request;
    request.set_parent(Parent(*a));
    request.set_page_size(1000);
    v1::ListDeliveriesResponse all;
    do {
      CLEANMAIL_ASSIGN_OR_RETURN(v1::ListDeliveriesResponse page,
                                 connection.Call(*stub, &Stub::ListDeliveries, request));
      request.set_page_token(page.next_page_token());
      page.clear_next_page_token();
      all.MergeFrom(page);
    } while (!request.page_token().empty());
    Table table{.headings = {"MESSAGE", "SINCE", "ATTEMPTS", "NEXT", "FROM", "TO", "LAST REPLY"},
                .rows = {}};
    for (const v1::Delivery& d : all.deliveries()) {
      std::string to = d.recipients().empty() ? "" : d.recipients(0);
      if (d.recipients_size() > 1) to += base::Cat(" +", d.recipients_size() - 1);
      table.rows.push_back({d.message_id(), TimeText(d.created_at_us()),
                            std::to_string(d.attempts()), TimeText(d.next_attempt_at_us()),
                            d.sender().empty() ? "<>" : d.sender(), to, d.last_reply()});
    }
    Print(std::cout, line.format, all, table);
    return absl::OkStatus();
  });

  CLI::App* const retry = queue->add_subcommand("retry", "Try deferred deliveries now");
  retry->add_option("MESSAGE", a->message, "Only of this message");
  retry->add_option("--tenant", a->tenant, "Only of this tenant");
  line.WhenChosen(retry, [a, &line](Connection& connection) -> absl::Status {
    const auto stub = EgressService::NewStub(connection.channel());
    v1::RetryDeliveriesRequest request;
    request.set_parent(Parent(*a));
    request.set_message_id(a->message);
    CLEANMAIL_ASSIGN_OR_RETURN(const v1::RetryDeliveriesResponse response,
                               connection.Call(*stub, &Stub::RetryDeliveries, request));
    Print(std::cout, line.format, response,
          {.headings = {"RETRIED"}, .rows = {{std::to_string(response.retried())}}});
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
