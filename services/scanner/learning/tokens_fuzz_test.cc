#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "services/scanner/learning/tokens.h"

// Bounded, each once, and every token's words are within what is kept of the message.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace cleanmail::scanner;
  const ParsedMessage message(std::string_view(reinterpret_cast<const char*>(data), size));
  const learning::Tokens tokens =
      learning::TokensOf(message, {1, 2}, {.tokens = 100, .text = 1000});
  if (tokens.list.size() > 100) std::abort();
  for (size_t i = 0; i < tokens.list.size(); ++i) {
    const learning::Token& token = tokens.list[i];
    if (size_t{token.begin} + token.size > tokens.words.size()) std::abort();
    if (i > 0 && tokens.list[i - 1].hash >= token.hash) std::abort();
    (void)tokens.Describe(token);
  }
  return 0;
}
