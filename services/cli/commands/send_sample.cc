// send-sample.
#include <iostream>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"
#include "services/cli/sample.h"

namespace cleanmail::cli {

void AddSampleCommand(CommandLine& line) {
  const auto options = std::make_shared<SampleOptions>();  // shared with the verb's callback
  CLI::App* const send = line.app.add_subcommand(
      "send-sample", "Send a sample mail by SMTP, to see what the gateway does with it");
  const std::map<std::string, Sample> samples = {
      {"clean", Sample::kClean}, {"gtube", Sample::kGtube}, {"eicar", Sample::kEicar}};
  send->add_option("KIND", options->sample, "clean, gtube (spam) or eicar (virus)")
      ->required()
      ->transform(CLI::CheckedTransformer(samples));
  send->add_option("--server", options->server, "address:port")->capture_default_str();
  send->add_option("--from", options->from, "Sender")->capture_default_str();
  send->add_option("--to", options->to, "Recipient")->capture_default_str();
  send->add_option("--subject", options->subject, "Subject instead of the sample's own");
  send->add_flag("--bdat", options->bdat, "By BDAT (CHUNKING)");
  send->add_flag("--smtputf8", options->smtp_utf8, "By SMTPUTF8");
  send->callback([options, &line] {
    line.run = [options]() -> absl::Status {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::string reply, SendSample(*options, absl::Now()));
      std::cout << reply << "\n";
      return absl::OkStatus();
    };
  });
}

}  // namespace cleanmail::cli
