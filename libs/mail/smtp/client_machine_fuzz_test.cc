#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "libs/mail/smtp/client_machine.h"

// A hostile server: whatever it says, the client sends CRLF lines only and ends with an outcome for
// each recipient.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::mail::smtp;
  if (size < 2) return 0;
  const size_t step = 1 + data[0] % 64;
  ClientMachine machine({.host_name = "us",
                         .tls = data[1] & 1 ? TlsPolicy::kMay : TlsPolicy::kMust,
                         .chunking = (data[1] & 2) != 0,
                         .pipelining = (data[1] & 4) != 0});
  std::string_view input(reinterpret_cast<const char*>(data) + 2, size - 2);
  std::string sent;
  int results = 0;
  for (int round = 0; round < 10000; ++round) {
    sent += machine.TakeOutput();
    switch (machine.want()) {
      case ClientWant::kInput:
        if (input.empty()) {
          machine.Disconnected();
        } else {
          machine.Feed(input.substr(0, step));
          input.remove_prefix(std::min(step, input.size()));
        }
        continue;
      case ClientWant::kStartTls:
        machine.TlsStarted();
        continue;
      case ClientWant::kTransaction:
        if (results > 3) {
          machine.Quit();
        } else {
          machine.Begin({.sender = "a@b", .recipients = {"c@d", "e@f"}, .size = 10});
        }
        continue;
      case ClientWant::kBody:
        machine.Body("a\r.\n");
        machine.EndBody();
        continue;
      case ClientWant::kResult:
        if (machine.TakeOutcomes().size() != 2) std::abort();
        ++results;
        continue;
      case ClientWant::kClosed:
        for (size_t i = 0; i < sent.size(); ++i) {
          if (sent[i] == '\n' && (i == 0 || sent[i - 1] != '\r')) std::abort();
          if (sent[i] == '\r' && (i + 1 == sent.size() || sent[i + 1] != '\n')) std::abort();
        }
        return 0;
    }
  }
  std::abort();  // it must come to an end
}
