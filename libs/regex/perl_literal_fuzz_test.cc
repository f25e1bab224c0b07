#include <cstddef>
#include <cstdint>

#include "libs/regex/perl_literal.h"

// Whatever is given, it is read or refused; what is read and compiles can be searched with.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto literal = cleanmail::regex::ParsePerlLiteral(text);
  if (!literal.ok()) return 0;
  const auto regex =
      cleanmail::regex::Regex::Compile(literal->pattern, literal->flags, {.steps = 1000});
  if (regex.ok()) regex->Matches(text);
  return 0;
}
