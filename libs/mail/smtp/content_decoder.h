#pragma once

#include <cstdint>
#include <string_view>

#include "absl/functional/function_ref.h"

namespace cleanmail::mail::smtp {

// How a message lies in the stream.
enum class Framing : uint8_t {
  kDots,   // DATA (RFC 5321 §4.5.2): ends with CRLF.CRLF, other leading dots are doubled
  kChunk,  // BDAT (RFC 3030): all bytes are content, dots mean nothing
};

// What to do with a CR or LF that is not part of CRLF, and with a NUL beside a line end.
enum class LineEnds : uint8_t {
  kStrict,  // a violation: the message is to be refused
  kRepair,  // CR and LF alone become CRLF in the content (NUL stays); never the end of the message
};

// Zero: no limit.
struct MessageLimits {
  int64_t bytes = 0;         // of the decoded message
  int64_t line_bytes = 0;    // of one line without its CRLF
  int64_t header_bytes = 0;  // of the header with its line ends
  int64_t header_fields = 0;
};

// The first thing that was wrong with a message.
enum class Violation : uint8_t { kNone, kLineEnds, kTooBig, kLineTooLong, kHeaderTooBig };

// Gets parts of the decoded message, in order. The view is valid during the call.
using ContentSink = absl::FunctionRef<void(std::string_view)>;

// Counts a message's lines against its limits.
class LineWatch {
 public:
  explicit LineWatch(MessageLimits limits) : limits_(limits) {}
  // `bytes` more of the current line, the first of them being `first`.
  void Add(int64_t bytes, char first);
  // The line has ended with CRLF.
  void EndLine();
  void Violate(Violation violation) {
    if (violation_ == Violation::kNone) violation_ = violation;
  }
  Violation violation() const { return violation_; }
  int64_t size() const { return size_; }

 private:
  MessageLimits limits_;
  int64_t size_ = 0;
  int64_t line_ = 0;
  int64_t fields_ = 0;
  Violation violation_ = Violation::kNone;
  bool in_header_ = true;
};

// Takes one message out of its framing, in whatever pieces the bytes come, with few copies: content
// goes out in views as long as the input allows. Under kDots only CRLF.CRLF (or .CRLF at once) is
// the end, nothing else. After a violation the content is no longer passed on but the end is still
// looked for, so that no byte of the message is ever taken for a command. Not thread-safe.
class ContentDecoder {
 public:
  ContentDecoder(Framing framing, LineEnds line_ends, MessageLimits limits)
      : watch_(limits), framing_(framing), line_ends_(line_ends) {}

  // Takes from the front of `input`: all of it, or up to the end of the message; then true, and
  // `input` begins with what follows. Never true under kChunk.
  bool Decode(std::string_view& input, ContentSink sink);

  // kChunk: the last chunk has been decoded; a CR held back at its end is dealt with.
  void Finish(ContentSink sink);

  Violation violation() const { return watch_.violation(); }
  // Bytes of the decoded message so far.
  int64_t size() const { return watch_.size(); }

 private:
  enum class State : uint8_t { kLineStart, kInLine, kCr, kDot, kDotCr };

  // Content not yet passed on that lies in one piece in the input.
  struct Run {
    const char* begin;
    const char* end;
  };
  void TakeLine(std::string_view& input, Run& run, ContentSink sink);
  void EndBare(ContentSink sink);
  void EndWhole();
  void Pass(std::string_view bytes, ContentSink sink) const;
  void Flush(Run& run, const char* next, ContentSink sink) const;

  LineWatch watch_;
  const Framing framing_;
  const LineEnds line_ends_;
  State state_ = State::kLineStart;
  bool whole_ =
      true;  // the line before ended in CRLF (or there is none): only then is a dot framing
  char last_ = 0x20;  // the last byte of the current line
};

}  // namespace cleanmail::mail::smtp
