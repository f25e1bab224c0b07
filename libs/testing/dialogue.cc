#include "libs/testing/dialogue.h"

#include <optional>

#include "absl/strings/ascii.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/base/text.h"

namespace cleanmail::testing {
namespace {

std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      out += text[i];
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    switch (text[i]) {
      case 'r':
        out += '\r';
        break;
      case 'n':
        out += '\n';
        break;
      case 't':
        out += '\t';
        break;
      case '0':
        out += '\0';
        break;
      case '\\':
        out += '\\';
        break;
      case 'x': {
        if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
            !absl::ascii_isxdigit(text[i + 2]))
          return std::nullopt;
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 1, 2)), nullptr, 16));
        i += 2;
        break;
      }
      default:
        return std::nullopt;
    }
  }
  return out;
}

absl::Status Unexpected(const Dialogue::Step& step, std::string_view came) {
  return absl::FailedPreconditionError(
      base::Cat("line ", step.line, ": expected \"", step.text, "\", but ", came));
}

absl::Status ExpectLine(const Dialogue::Step& step, Transport& transport) {
  const absl::StatusOr<std::string> line = transport.ReadLine();
  if (!line.ok()) return Unexpected(step, line.status().message().data());
  if (Matches(step.text, *line)) return absl::OkStatus();
  return Unexpected(step, base::Cat("came \"", base::Printable(*line), "\""));
}

absl::Status ExpectReply(const Dialogue::Step& step, Transport& transport) {
  while (true) {
    const absl::StatusOr<std::string> line = transport.ReadLine();
    if (!line.ok()) return Unexpected(step, base::View(line.status().message()));
    if (!line->starts_with(step.text))
      return Unexpected(step, base::Cat("came \"", base::Printable(*line), "\""));
    if (line->size() <= step.text.size() || (*line)[step.text.size()] != '-')
      return absl::OkStatus();
  }
}

absl::Status Carry(const Dialogue::Step& step, Transport& transport) {
  switch (step.kind) {
    case Dialogue::Kind::kSend:
      return transport.Send(step.text);
    case Dialogue::Kind::kLine:
      return ExpectLine(step, transport);
    case Dialogue::Kind::kReply:
      return ExpectReply(step, transport);
    case Dialogue::Kind::kTls:
      return transport.StartTls();
    case Dialogue::Kind::kClosed: {
      const absl::StatusOr<std::string> line = transport.ReadLine();
      if (line.status().code() == absl::StatusCode::kOutOfRange) return absl::OkStatus();
      return Unexpected(step, line.ok() ? base::Cat("came \"", base::Printable(*line), "\"")
                                        : std::string(line.status().message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

bool Matches(std::string_view pattern, std::string_view text) {
  const size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  text.remove_prefix(star);
  for (size_t skip = 0; skip <= text.size(); ++skip) {
    if (Matches(pattern, text.substr(skip))) return true;
  }
  return false;
}

absl::StatusOr<Dialogue> Dialogue::Parse(std::string_view text) {
  Dialogue dialogue;
  bool together = false;
  int number = 0;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    ++number;
    const auto after = [line](std::string_view mark) {
      return std::string(line.substr(std::min(line.size(), mark.size() + 1)));
    };
    const absl::Status malformed =
        absl::InvalidArgumentError(base::Cat("line ", number, " is no step of a dialogue"));
    if (line.empty() || line.starts_with('#')) continue;
    if (line.starts_with("C:") || line.starts_with("C>")) {
      const std::optional<std::string> bytes = Unescape(after("C:"));
      if (!bytes) return malformed;
      if (!together) dialogue.steps.push_back({Kind::kSend, "", number});
      dialogue.steps.back().text += *bytes + (line[1] == ':' ? "\r\n" : "");
      together = true;
      continue;
    }
    together = false;
    if (line == "--") continue;
    if (line.starts_with("@ ")) {
      dialogue.listener = after("@");
    } else if (line.starts_with("S:")) {
      dialogue.steps.push_back({Kind::kLine, after("S:"), number});
    } else if (line.starts_with("S*:")) {
      dialogue.steps.push_back({Kind::kReply, after("S*:"), number});
    } else if (line == "T") {
      dialogue.steps.push_back({Kind::kTls, "TLS", number});
    } else if (line == "X") {
      dialogue.steps.push_back({Kind::kClosed, "the server to close", number});
    } else {
      return malformed;
    }
  }
  return dialogue;
}

absl::Status CarryOut(const Dialogue& dialogue, Transport& transport) {
  for (const Dialogue::Step& step : dialogue.steps) {
    if (absl::Status status = Carry(step, transport); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace cleanmail::testing
