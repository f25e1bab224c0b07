#include "libs/mail/smtp/notification.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"

namespace cleanmail::mail::smtp {
namespace {

constexpr size_t kLongestEnvelopeId = 100;
constexpr size_t kLongestOriginalRecipient = 500;
constexpr std::string_view kHexDigits = "0123456789ABCDEF";

bool Same(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(base::AbslView(a), base::AbslView(b));
}

// Graphic ASCII: what may stand in a parameter's value (RFC 5321 §4.1.2, esmtp-value) and `=`.
bool IsGraphic(char c) { return c > 0x20 && c < 0x7f; }

// nullopt where the text is no xtext, or not printable once decoded (RFC 3461 §4.2, §4.4).
std::optional<std::string> DecodeXtext(std::string_view text) {
  std::string decoded;
  for (size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (!IsGraphic(c) || c == '=') return std::nullopt;
    if (c == '+') {
      if (i + 2 >= text.size()) return std::nullopt;
      const size_t high = kHexDigits.find(text[i + 1]);
      const size_t low = kHexDigits.find(text[i + 2]);
      if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
      c = static_cast<char>(high * 16 + low);
      if (!IsGraphic(c) && c != ' ') return std::nullopt;
      i += 2;
    }
    decoded += c;
  }
  return decoded;
}

absl::Status TakeNotify(std::string_view value, RecipientParameters& parameters) {
  const absl::Status malformed = absl::InvalidArgumentError("Malformed NOTIFY");
  if (parameters.notify()) return malformed;
  if (Same(value, "NEVER")) {
    parameters.never = true;
    return absl::OkStatus();
  }
  for (size_t start = 0; start <= value.size();) {
    const size_t end = std::min(value.find(',', start), value.size());
    const std::string_view word = value.substr(start, end - start);
    if (Same(word, "SUCCESS")) {
      parameters.on_success = true;
    } else if (Same(word, "FAILURE")) {
      parameters.on_failure = true;
    } else if (Same(word, "DELAY")) {
      parameters.on_delay = true;
    } else {
      return malformed;  // NEVER among others, too
    }
    start = end + 1;
  }
  return absl::OkStatus();
}

bool IsUtf8Type(std::string_view type) { return Same(type, "utf-8"); }

absl::Status TakeOriginalRecipient(std::string_view value, RecipientParameters& parameters) {
  const absl::Status malformed = absl::InvalidArgumentError("Malformed ORCPT");
  const size_t semicolon = value.find(';');
  if (!parameters.original_recipient.empty() || value.size() > kLongestOriginalRecipient ||
      semicolon == std::string_view::npos)
    return malformed;
  const std::string_view type = value.substr(0, semicolon);
  const std::string_view address = value.substr(semicolon + 1);
  const bool is_atom = !type.empty() && std::ranges::all_of(type, [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-';
  });
  if (!is_atom || address.empty()) return malformed;
  if (IsUtf8Type(type)) {
    // RFC 6533 §3 has escapes of its own, `\x{20AC}`: they pass as they are.
    const bool clean = std::ranges::all_of(address, [](char c) {
      return (IsGraphic(c) && c != '=' && c != '+') || static_cast<unsigned char>(c) >= 0x80;
    });
    if (!clean) return malformed;
    parameters.original_recipient = std::string(value);
    return absl::OkStatus();
  }
  const std::optional<std::string> decoded = DecodeXtext(address);
  if (!decoded.has_value()) return malformed;
  parameters.original_recipient = base::Cat(type, ";", *decoded);
  return absl::OkStatus();
}

}  // namespace

std::string EncodeXtext(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (IsGraphic(c) && c != '+' && c != '=') {
      encoded += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    encoded += '+';
    encoded += kHexDigits[byte >> 4];
    encoded += kHexDigits[byte & 0x0f];
  }
  return encoded;
}

absl::StatusOr<std::string> DecodeEnvelopeId(std::string_view value) {
  const std::optional<std::string> decoded = DecodeXtext(value);
  if (!decoded.has_value() || value.empty() || value.size() > kLongestEnvelopeId)
    return absl::InvalidArgumentError("Malformed ENVID");
  return *decoded;
}

absl::StatusOr<RecipientParameters> ParseRecipientParameters(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  RecipientParameters parameters;
  for (size_t start = text.find_first_not_of(kBlank); start != std::string_view::npos;) {
    const size_t end = std::min(text.find_first_of(kBlank, start), text.size());
    const std::string_view word = text.substr(start, end - start);
    const size_t equals = std::min(word.find('='), word.size());
    const std::string_view name = word.substr(0, equals);
    const std::string_view value =
        equals < word.size() ? word.substr(equals + 1) : std::string_view();
    if (Same(name, "NOTIFY")) {
      CLEANMAIL_RETURN_IF_ERROR(TakeNotify(value, parameters));
    } else if (Same(name, "ORCPT")) {
      CLEANMAIL_RETURN_IF_ERROR(TakeOriginalRecipient(value, parameters));
    } else {
      return absl::UnimplementedError("Parameter not known");
    }
    start = text.find_first_not_of(kBlank, end);
  }
  return parameters;
}

std::string ToText(const RecipientParameters& parameters) {
  std::string words;
  const auto add = [&words](bool wanted, std::string_view word) {
    if (wanted) words += base::Cat(words.empty() ? "" : ",", word);
  };
  add(parameters.on_success, "SUCCESS");
  add(parameters.on_failure, "FAILURE");
  add(parameters.on_delay, "DELAY");
  if (parameters.never) words = "NEVER";
  std::string text = words.empty() ? "" : base::Cat(" NOTIFY=", words);
  const std::string_view original = parameters.original_recipient;
  const size_t semicolon = original.find(';');
  if (semicolon == std::string_view::npos) return text;
  const std::string_view type = original.substr(0, semicolon);
  const std::string_view address = original.substr(semicolon + 1);
  const bool as_is =
      IsUtf8Type(type) && std::ranges::all_of(address, [](char c) {
        return (IsGraphic(c) && c != '=' && c != '+') || static_cast<unsigned char>(c) >= 0x80;
      });
  return base::Cat(text, " ORCPT=", type, ";", as_is ? std::string(address) : EncodeXtext(address));
}

}  // namespace cleanmail::mail::smtp
