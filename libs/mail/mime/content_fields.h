#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::mail::mime {

// The fields of one header that say what the body is, all of them, values still folded. Where a
// field comes more often than kMostRepeats, the first ones and the last one are here.
struct ContentFields {
  static constexpr size_t kMostRepeats = 8;

  std::vector<std::string> type;
  std::vector<std::string> encoding;
  std::vector<std::string> disposition;
  bool odd_name = false;  // "Content-Type :", or a fold where no field stands
  bool bare_cr = false;
  bool nul = false;
};

// Reads a header of any size; time grows with its bytes.
ContentFields ReadContentFields(std::string_view header);

// Whether `line` (with its end) begins a header field: a name of printable characters and a colon.
bool BeginsField(std::string_view line);

// What one program or another takes for content type and boundary of a part.
struct TypeReading {
  std::string type;  // lower case, "text/plain" where none can be read
  std::string boundary;

  bool operator==(const TypeReading&) const = default;
};

// All readings of the Content-Type fields, the RFCs' first; never empty.
std::vector<TypeReading> TypeReadings(const ContentFields& fields);

// All readings of the transfer encoding, the RFCs' first, lower case; "" for none. Never empty.
std::vector<std::string> EncodingReadings(const ContentFields& fields);

// All file names a program may show for the part, the likeliest first; UTF-8.
std::vector<std::string> NameReadings(const ContentFields& fields);

}  // namespace cleanmail::mail::mime
