#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::mail::mime {

// What a TNEF stream (MS-OXTNEF; "winmail.dat") carries.
struct Tnef {
  struct File {
    std::string name;                // UTF-8; the long name where there is one
    std::vector<std::string> names;  // every one it has
    std::string type;                // MIME type it names; empty without one
    std::string bytes;
    bool message = false;  // bytes are a TNEF stream again: an embedded message
  };
  std::vector<File> files;
  std::string text;        // UTF-8
  std::string html;        // as it stands there
  std::string rtf;         // decompressed (MS-OXRTFCP)
  bool truncated = false;  // it ends in the middle of something, or past a limit
};

struct TnefLimits {
  size_t files = 500;
  size_t bytes = 128 << 20;  // of all that is taken out
};

// Whether `bytes` begin as a TNEF stream does.
bool IsTnef(std::string_view bytes);

// Reads as far as it can be read; checksums are not looked at, since programs do not.
Tnef ReadTnef(std::string_view bytes, const TnefLimits& limits = {});

// RTF without its compression, at most `most` bytes; empty when it is none.
std::string DecompressRtf(std::string_view bytes, size_t most);

}  // namespace cleanmail::mail::mime
