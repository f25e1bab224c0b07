#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace cleanmail::testing {

// How a dialogue reaches a server: a machine in this process, or a socket.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual absl::Status Send(std::string_view bytes) = 0;
  // The server's next line without its CRLF. OutOfRange: it has closed. DeadlineExceeded: it says
  // nothing.
  virtual absl::StatusOr<std::string> ReadLine() = 0;
  virtual absl::Status StartTls() = 0;
};

// An SMTP conversation read from text:
//
//   # rfc5321-4.1.1.4: DATA needs a recipient       a comment
//   @ smart_host                                    which listener: mx (the default), smart_host,
//   tls C: MAIL FROM:<a@example.org>                    sent with CRLF; lines of C that follow each
//   other are sent together C> text\n.\r\n                                  sent as it is; \r \n \0
//   \t \\ \xNN are escapes, in C: too
//   --                                              what follows is another write
//   S: 250 2.1.0 *                                  one line of the server, * is any text
//   S*: 250                                         one whole reply of any number of lines, of that
//   code T                                               TLS handshake X the server closes
struct Dialogue {
  enum class Kind { kSend, kLine, kReply, kTls, kClosed };
  struct Step {
    Kind kind;
    std::string text;
    int line = 0;  // in the file
  };
  std::string listener = "mx";
  std::vector<Step> steps;

  // InvalidArgument with the number of the line that is none of the above.
  static absl::StatusOr<Dialogue> Parse(std::string_view text);
};

// Carries a dialogue out. FailedPrecondition says at which line what was expected and what came.
absl::Status CarryOut(const Dialogue& dialogue, Transport& transport);

// Whether `text` matches `pattern`, in which * stands for any text.
bool Matches(std::string_view pattern, std::string_view text);

}  // namespace cleanmail::testing
