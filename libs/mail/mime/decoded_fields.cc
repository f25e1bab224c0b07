#include "libs/mail/mime/decoded_fields.h"

#include <algorithm>

#include "libs/mail/address/utf8.h"
#include "libs/mail/mime/encoded_word.h"

namespace cleanmail::mail::mime {

std::string CutCharacters(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  size_t bytes = 0;
  for (size_t i = 0; i < most && bytes < text.size(); ++i)
    bytes += std::max<size_t>(address::Utf8Length(text.substr(bytes)), 1);
  return std::string(text.substr(0, bytes));
}

std::vector<DecodedField> DecodeFields(const HeaderBlock& header,
                                       const DecodedFieldLimits& limits) {
  std::vector<DecodedField> decoded;
  size_t bytes = 0;
  for (const Field& field : header.fields()) {
    if (decoded.size() == limits.fields) break;
    DecodedField one{.name = std::string(field.name),
                     .value = CutCharacters(DecodeWords(field.value()), limits.characters)};
    bytes += one.name.size() + one.value.size();
    if (bytes > limits.bytes) break;
    decoded.push_back(std::move(one));
  }
  return decoded;
}

}  // namespace cleanmail::mail::mime
