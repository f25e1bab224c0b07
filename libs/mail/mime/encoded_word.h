#pragma once

#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// An unfolded header value with its encoded words (RFC 2047) read: `=?utf-8?q?J=C3=B6rg?= x`
// becomes `Jörg x`. White space between two encoded words goes; words of one character set next to
// each other are joined before they are decoded, since senders cut characters in two. Words that
// are malformed or of a set we do not know stay as they are. The result is well-formed UTF-8.
std::string DecodeWords(std::string_view value);

// `text` (UTF-8) fit for an unstructured header value: as it is when printable ASCII that reads
// back as itself, else in encoded words of at most 75 characters joined by folds ("\r\n ").
std::string EncodeWords(std::string_view text);

}  // namespace cleanmail::mail::mime
