// message status.
#include <iostream>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"
#include "proto/cleanmail/reporting/v1/reporting.grpc.pb.h"
#include "services/cli/command_line.h"

namespace cleanmail::cli {

void AddMessageCommands(CommandLine& line) {
  using reporting::v1::ReportingService;
  const auto id = std::make_shared<std::string>();  // shared with the verb's callback
  CLI::App* const message =
      line.app.add_subcommand("message", "What happened to a message")->require_subcommand(1);
  CLI::App* const status = message->add_subcommand("status", "Tell the story of a message");
  status->add_option("MESSAGE", *id, "Id of the message, as in the 250 reply and the Received line")
      ->required();
  line.WhenChosen(status, [id, &line](Connection& connection) -> absl::Status {
    const auto stub = ReportingService::NewStub(connection.channel());
    reporting::v1::GetTraceRequest request;
    request.set_name(base::Cat("tenants/-/messages/", *id));
    CLEANMAIL_ASSIGN_OR_RETURN(const reporting::v1::Trace trace,
                               connection.Call(*stub, &ReportingService::Stub::GetTrace, request));
    if (line.format == Format::kTable) {
      std::cout << "message " << *id << "\nfrom    "
                << (trace.sender().empty() ? "<>" : base::Printable(trace.sender())) << "\n";
      for (const std::string& recipient : trace.recipients())
        std::cout << "to      " << base::Printable(recipient) << "\n";
      std::cout << "subject " << base::Printable(trace.subject()) << "\n\n";
    }
    Table table{.headings = {"TIME", "WHAT", "RECIPIENT", "DETAIL"}, .rows = {}};
    for (const reporting::v1::TraceEntry& e : trace.entries())
      table.rows.push_back({TimeText(e.at_us()), e.what(), e.recipient(), e.detail()});
    Print(std::cout, line.format, trace, table);
    return absl::OkStatus();
  });
}

}  // namespace cleanmail::cli
