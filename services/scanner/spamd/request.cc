#include "services/scanner/spamd/request.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::spamd {
namespace {

constexpr size_t kLongestUser = 320;  // an address, RFC 5321 §4.5.3.1

struct NamedVerb {
  std::string_view name;
  Verb verb;
};
constexpr std::array kVerbs = {
    NamedVerb{"PING", Verb::kPing},       NamedVerb{"SKIP", Verb::kSkip},
    NamedVerb{"CHECK", Verb::kCheck},     NamedVerb{"SYMBOLS", Verb::kSymbols},
    NamedVerb{"REPORT", Verb::kReport},   NamedVerb{"REPORT_IFSPAM", Verb::kReportIfSpam},
    NamedVerb{"PROCESS", Verb::kProcess}, NamedVerb{"HEADERS", Verb::kHeaders},
    NamedVerb{"TELL", Verb::kTell}};

bool Is(std::string_view name, std::string_view wanted) {
  return absl::EqualsIgnoreCase(base::AbslView(name), base::AbslView(wanted));
}

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == text.npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

// All of `text` as a number.
template <class Number>
std::optional<Number> ToNumber(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool HasMessage(Verb verb) { return verb != Verb::kPing && verb != Verb::kSkip; }

}  // namespace

bool RequestReader::Take(std::string_view bytes) {
  if (complete_ || problem_.has_value()) return true;
  if (in_message_) {
    TakeMessage(bytes);
    return Settle();
  }
  head_ += bytes;
  return TakeHead();
}

void RequestReader::End() {
  if (complete_ || problem_.has_value()) return;
  if (!in_message_) {
    Fail(kProtocol, "the request ends in its head");
  } else if (length_.has_value()) {
    Fail(kProtocol,
         base::Cat("Content-length says ", *length_, " bytes, ", message_.size(), " have come"));
  } else {
    complete_ = true;
  }
}

// Takes the lines that are whole.
bool RequestReader::TakeHead() {
  size_t begin = 0;
  for (size_t end = 0; (end = head_.find('\n', begin)) != head_.npos; begin = end + 1) {
    std::string_view line = std::string_view(head_).substr(begin, end - begin);
    if (head_taken_ + end >= kLongestHead) break;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (!TakeLine(line)) return true;
    if (complete_) return true;
    if (in_message_) {
      TakeMessage(std::string_view(head_).substr(end + 1));
      head_ = {};
      return Settle();
    }
  }
  head_.erase(0, begin);
  head_taken_ += begin;
  if (head_taken_ + head_.size() >= kLongestHead)
    return !Fail(kProtocol, base::Cat("the head is longer than ", kLongestHead, " bytes"));
  return false;
}

bool RequestReader::TakeLine(std::string_view line) {
  if (!verb_seen_.has_value()) return TakeRequestLine(line);
  if (!line.empty()) return TakeField(line);
  if (HasMessage(verb_)) {
    in_message_ = true;
  } else {
    complete_ = true;
  }
  return true;
}

bool RequestReader::TakeRequestLine(std::string_view line) {
  line = Trimmed(line);
  const size_t blank = line.find(' ');
  const auto* const named = std::ranges::find(kVerbs, line.substr(0, blank), &NamedVerb::name);
  if (named == kVerbs.end()) return Fail(kProtocol, "no such request");
  verb_seen_ = verb_ = named->verb;
  const std::string_view protocol = blank == line.npos ? "" : Trimmed(line.substr(blank));
  constexpr std::string_view kProtocolName = "SPAMC/1.";
  const auto version = protocol.starts_with(kProtocolName)
                           ? ToNumber<int>(protocol.substr(kProtocolName.size()))
                           : std::nullopt;
  if (!version.has_value() || *version < 0)
    return Fail(kProtocol, "the request ends in SPAMC/1.5, or another version 1");
  version_ = *version;
  // Who asks so says nothing more.
  if (!HasMessage(verb_)) complete_ = true;
  return true;
}

bool RequestReader::TakeField(std::string_view line) {
  const size_t colon = line.find(':');
  if (colon == line.npos) return Fail(kProtocol, "a field without a colon");
  const std::string_view name = Trimmed(line.substr(0, colon));
  const std::string_view value = Trimmed(line.substr(colon + 1));
  if (Is(name, "content-length")) {
    const auto length = ToNumber<size_t>(value);
    if (!length.has_value() || (length_.has_value() && *length_ != *length))
      return Fail(kProtocol, "Content-length is no number");
    if (*length > longest_message_)
      return Fail(kDataError, base::Cat("the message is longer than ", longest_message_, " bytes"));
    length_ = length;
  } else if (Is(name, "user")) {
    if (value.size() > kLongestUser) return Fail(kProtocol, "User is too long");
    user_ = value;
  } else if (Is(name, "compress")) {
    return Fail(kUnavailable, "compressed messages are not taken");
  }
  return true;  // fields that are not known change nothing
}

void RequestReader::TakeMessage(std::string_view bytes) {
  if (length_.has_value()) bytes = bytes.substr(0, *length_ - message_.size());
  message_ += bytes;
}

bool RequestReader::Settle() {
  complete_ = length_.has_value() && message_.size() == *length_;
  if (message_.size() > longest_message_)
    Fail(kDataError, base::Cat("the message is longer than ", longest_message_, " bytes"));
  return complete_ || problem_.has_value();
}

bool RequestReader::Fail(Code code, std::string why) {
  problem_ = Problem{.code = code, .why = std::move(why)};
  complete_ = false;
  head_ = {};
  message_ = {};
  return false;
}

}  // namespace cleanmail::scanner::spamd
