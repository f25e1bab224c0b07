#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// The requests of SpamAssassin's spamc, protocol SPAMC/1.0 to 1.5.
namespace cleanmail::scanner::spamd {

enum class Verb {
  kPing,          // are you there?
  kSkip,          // never mind
  kCheck,         // spam or not
  kSymbols,       // and what was found
  kReport,        // and why, in words
  kReportIfSpam,  // only of spam
  kProcess,       // the message, marked
  kHeaders,       // only its header, marked
  kTell,          // learn
};

// A response's code and its name, as sysexits(3) has them.
struct Code {
  int number;
  std::string_view name;
};
inline constexpr Code kOk = {0, "EX_OK"};
inline constexpr Code kDataError = {65, "EX_DATAERR"};
inline constexpr Code kUnavailable = {69, "EX_UNAVAILABLE"};
inline constexpr Code kSoftware = {70, "EX_SOFTWARE"};
inline constexpr Code kTryLater = {75, "EX_TEMPFAIL"};
inline constexpr Code kProtocol = {76, "EX_PROTOCOL"};

// Why a request is none we answer.
struct Problem {
  Code code;
  std::string why;  // one line, nothing of the client's in it
};

// Reads one request from its bytes; pure. It keeps at most the longest head, or the message.
class RequestReader {
 public:
  static constexpr size_t kLongestHead = 8192;  // request line and fields

  explicit RequestReader(size_t longest_message) : longest_message_(longest_message) {}

  // True once nothing more is needed: the request is whole, or there is a problem. Bytes behind a
  // request are left out.
  bool Take(std::string_view bytes);
  // Whether the client may end here: a message whose length was not said ends so.
  void End();

  bool complete() const { return complete_; }
  const std::optional<Problem>& problem() const { return problem_; }
  Verb verb() const { return verb_; }
  // The y of SPAMC/1.y.
  int version() const { return version_; }
  // Value of the User field, at most 320 characters; hostile text.
  const std::string& user() const { return user_; }
  const std::string& message() const { return message_; }

 private:
  bool TakeHead();
  bool TakeLine(std::string_view line);
  bool TakeRequestLine(std::string_view line);
  bool TakeField(std::string_view line);
  bool Fail(Code code, std::string why);
  void TakeMessage(std::string_view bytes);
  bool Settle();

  const size_t longest_message_;
  std::string head_;       // what has come of a line
  size_t head_taken_ = 0;  // bytes of the lines before
  bool in_message_ = false;
  bool complete_ = false;
  std::optional<Problem> problem_;
  std::optional<Verb> verb_seen_;
  Verb verb_ = Verb::kPing;
  int version_ = 0;
  std::optional<size_t> length_;
  std::string user_;
  std::string message_;
};

}  // namespace cleanmail::scanner::spamd
