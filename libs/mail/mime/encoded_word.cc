#include "libs/mail/mime/encoded_word.h"

#include <algorithm>
#include <optional>

#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/address/utf8.h"
#include "libs/mail/mime/charset.h"
#include "libs/mail/mime/encodings.h"

namespace cleanmail::mail::mime {
namespace {

struct Word {
  std::string_view charset;
  std::string bytes;
  size_t length = 0;  // of the word as written
};

constexpr size_t kMaxWordBytes = 1024;    // RFC 2047 says 75; senders go beyond
constexpr size_t kWordPayloadBytes = 45;  // 60 base64 characters: 72 with `=?utf-8?b?` and `?=`

bool IsTokenText(char c) {
  return c > 0x20 && c < 0x7f &&
         std::string_view("()<>@,;:\"/[]?.=").find(c) == std::string_view::npos;
}

// The encoded word at the start of `text`.
std::optional<Word> WordAt(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  text = text.substr(0, kMaxWordBytes);
  const size_t charset_end = text.find('?', 2);
  if (charset_end == std::string_view::npos || charset_end + 2 >= text.size() ||
      text[charset_end + 2] != '?')
    return std::nullopt;
  const size_t payload = charset_end + 3;
  const size_t end = text.find('?', payload);
  if (end == std::string_view::npos || end + 1 >= text.size() || text[end + 1] != '=')
    return std::nullopt;
  Word word;
  word.length = end + 2;
  word.charset = text.substr(2, charset_end - 2);
  word.charset =
      word.charset.substr(0, word.charset.find('*'));  // RFC 2231 §5: a language may follow
  if (word.charset.empty() || !std::all_of(word.charset.begin(), word.charset.end(), IsTokenText))
    return std::nullopt;
  const std::string_view encoded = text.substr(payload, end - payload);
  switch (text[charset_end + 1]) {
    case 'b':
    case 'B':
      word.bytes = DecodeBase64(encoded);
      return word;
    case 'q':
    case 'Q': {
      std::string spaced(encoded);
      std::replace(spaced.begin(), spaced.end(), '_', ' ');
      word.bytes = DecodeQuotedPrintable(spaced);
      return word;
    }
    default:
      return std::nullopt;
  }
}

size_t BlankLength(std::string_view text) {
  const size_t end = text.find_first_not_of(" \t\r\n");
  return end == std::string_view::npos ? text.size() : end;
}

bool SameSet(std::string_view a, std::string_view b) {
  return absl::EqualsIgnoreCase(base::AbslView(a), base::AbslView(b));
}

}  // namespace

std::string DecodeWords(std::string_view value) {
  std::string out;
  size_t at = 0;
  while (at < value.size()) {
    std::optional<Word> word = WordAt(value.substr(at));
    if (!word) {
      const size_t next = std::min(value.find("=?", at + 1), value.size());
      out += RepairUtf8(value.substr(at, next - at));
      at = next;
      continue;
    }
    const size_t first = at;
    std::string bytes;
    while (true) {
      bytes += word->bytes;
      at += word->length;
      const size_t blank = BlankLength(value.substr(at));
      std::optional<Word> next = WordAt(value.substr(at + blank));
      if (!next) break;
      if (!SameSet(next->charset, word->charset)) {
        at += blank;
        break;
      }
      at += blank;
      word = std::move(next);
    }
    const std::optional<std::string> text = ToUtf8(word->charset, bytes);
    out += text ? *text : RepairUtf8(value.substr(first, at - first));
  }
  return out;
}

std::string EncodeWords(std::string_view text) {
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
  if (plain && text.find("=?") == std::string_view::npos && text.size() <= 900)
    return std::string(text);
  std::string out;
  std::string chunk;
  const auto flush = [&] {
    if (chunk.empty()) return;
    if (!out.empty()) out += "\r\n ";
    out += base::Cat("=?utf-8?b?", EncodeBase64(chunk), "?=");
    chunk.clear();
  };
  const std::string repaired = RepairUtf8(text);
  for (std::string_view rest = repaired; !rest.empty();) {
    const size_t length = std::max<size_t>(address::Utf8Length(rest), 1);
    if (chunk.size() + length > kWordPayloadBytes) flush();
    chunk += rest.substr(0, length);
    rest.remove_prefix(length);
  }
  flush();
  return out;
}

}  // namespace cleanmail::mail::mime
