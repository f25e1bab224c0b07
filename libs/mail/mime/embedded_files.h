#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::mail::mime {

// A file written into a text.
struct EmbeddedFile {
  std::string name;    // as written
  std::string bytes;   // decoded
  std::string origin;  // "uuencode" or "yenc"
};

// Files in `text` as uuencode (POSIX `begin 644 name`, also begin-base64) and yEnc blocks. A block
// whose end is missing counts, a checksum is not looked at: programs differ there, and what cannot
// be decoded is no file. At most `most`; time grows with the bytes.
std::vector<EmbeddedFile> FindEmbeddedFiles(std::string_view text, size_t most = 100);

}  // namespace cleanmail::mail::mime
