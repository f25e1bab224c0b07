#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/mime/header_block.h"

namespace cleanmail::mail::mime {

// A header field for people and rules: its value unfolded, decoded (RFC 2047) and cut.
struct DecodedField {
  std::string name;   // as written
  std::string value;  // well-formed UTF-8, hostile text
};

struct DecodedFieldLimits {
  size_t fields = 200;
  size_t characters = 1000;  // of one value
  size_t bytes = 32 << 10;   // of all names and values
};

// The first `most` characters of well-formed UTF-8.
std::string CutCharacters(std::string_view text, size_t most);

// The fields of `header` in order, as far as the limits go.
std::vector<DecodedField> DecodeFields(const HeaderBlock& header,
                                       const DecodedFieldLimits& limits = {});

}  // namespace cleanmail::mail::mime
