#include "libs/mail/smtp/content_decoder.h"

#include <cstring>

namespace cleanmail::mail::smtp {
namespace {

const char* Search(const char* begin, const char* end, char c) {
  return static_cast<const char*>(std::memchr(begin, c, static_cast<size_t>(end - begin)));
}

bool Over(int64_t count, int64_t limit) { return limit > 0 && count > limit; }

}  // namespace

void LineWatch::Add(int64_t bytes, char first) {
  if (in_header_ && line_ == 0 && first != ' ' && first != '\t' &&
      Over(++fields_, limits_.header_fields)) {
    Violate(Violation::kHeaderTooBig);
  }
  line_ += bytes;
  size_ += bytes;
  if (Over(line_, limits_.line_bytes)) Violate(Violation::kLineTooLong);
  if (in_header_ && Over(size_, limits_.header_bytes)) Violate(Violation::kHeaderTooBig);
  if (Over(size_, limits_.bytes)) Violate(Violation::kTooBig);
}

void LineWatch::EndLine() {
  if (line_ == 0) in_header_ = false;
  line_ = 0;
  size_ += 2;
  if (Over(size_, limits_.bytes)) Violate(Violation::kTooBig);
}

void ContentDecoder::Pass(std::string_view bytes, ContentSink sink) const {
  if (!bytes.empty() && violation() == Violation::kNone) sink(bytes);
}

// Passes the run on; the next one begins at `next`.
void ContentDecoder::Flush(Run& run, const char* next, ContentSink sink) const {
  Pass({run.begin, static_cast<size_t>(run.end - run.begin)}, sink);
  run = {next, next};
}

void ContentDecoder::EndWhole() {
  if (last_ == '\0' && line_ends_ == LineEnds::kStrict) watch_.Violate(Violation::kLineEnds);
  watch_.EndLine();
  state_ = State::kLineStart;
  whole_ = true;
  last_ = ' ';
}

// A CR or LF alone.
void ContentDecoder::EndBare(ContentSink sink) {
  if (line_ends_ == LineEnds::kStrict) watch_.Violate(Violation::kLineEnds);
  watch_.EndLine();
  Pass("\r\n", sink);
  state_ = State::kLineStart;
  whole_ = false;
  last_ = ' ';
}

bool ContentDecoder::Decode(std::string_view& input, ContentSink sink) {
  Run run{input.data(), input.data()};
  while (!input.empty()) {
    const char c = input.front();
    switch (state_) {
      case State::kLineStart:
        if (c == '.' && whole_ && framing_ == Framing::kDots) {
          input.remove_prefix(1);
          Flush(run, input.data(), sink);
          state_ = State::kDot;
          break;
        }
        if (c == '\0' && line_ends_ == LineEnds::kStrict) watch_.Violate(Violation::kLineEnds);
        state_ = State::kInLine;
        [[fallthrough]];
      case State::kInLine:
        TakeLine(input, run, sink);
        break;
      case State::kCr:
        if (c == '\n') {
          input.remove_prefix(1);
          Pass("\r\n", sink);
          EndWhole();
        } else {
          EndBare(sink);
        }
        run = {input.data(), input.data()};
        break;
      case State::kDot:
        if (c == '\r') {
          input.remove_prefix(1);
          state_ = State::kDotCr;
        } else {
          if (c == '\0' && line_ends_ == LineEnds::kStrict) watch_.Violate(Violation::kLineEnds);
          state_ = State::kInLine;
        }
        run = {input.data(), input.data()};
        break;
      case State::kDotCr:
        if (c == '\n') {
          input.remove_prefix(1);
          return true;
        }
        state_ = State::kCr;
        break;
    }
  }
  Flush(run, nullptr, sink);
  return false;
}

// Takes the rest of the current line, or as much of it as there is.
void ContentDecoder::TakeLine(std::string_view& input, Run& run, ContentSink sink) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  const char* const lf = Search(begin, end, '\n');
  const char* const stop = lf == nullptr ? end : lf;
  const char* const cr = Search(begin, stop, '\r');
  const char* const text_end = cr == nullptr ? stop : cr;
  if (text_end > begin) {
    watch_.Add(text_end - begin, *begin);
    last_ = text_end[-1];
  }
  if (cr != nullptr && cr + 1 == lf) {
    run.end = lf + 1;
    input.remove_prefix(run.end - begin);
    EndWhole();
    return;
  }
  run.end = text_end;
  if (text_end == end) {
    input.remove_prefix(input.size());
    return;
  }
  input.remove_prefix(text_end + 1 - begin);
  Flush(run, input.data(), sink);
  if (*text_end == '\r') {
    state_ = State::kCr;
  } else {
    EndBare(sink);
  }
}

void ContentDecoder::Finish(ContentSink sink) {
  if (state_ == State::kCr) EndBare(sink);
}

}  // namespace cleanmail::mail::smtp
