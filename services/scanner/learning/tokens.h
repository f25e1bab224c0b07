#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/scanner/learning/token_hash.h"
#include "services/scanner/parsed_message.h"

namespace cleanmail::scanner::learning {

// Where in a message a token stands. The same word in another place is another token.
enum class Place : uint8_t {
  kText,
  kPair,  // two words of the text that follow each other
  kSubject,
  kFromName,
  kFromDomain,
  kReplyDomain,
  kLinkHost,
  kFile,    // type or ending of something attached
  kHeader,  // a field the sender's program wrote, or what it calls itself
  kShape,   // how the message is built
};

// Something a message has or has not.
struct Token {
  uint64_t hash = 0;
  // What it was in the message: positions in Tokens::words; of a pair, both words.
  uint32_t begin = 0;
  uint16_t size = 0;
  Place place = Place::kText;
};

// The tokens of a message, each once, in the order of their hashes.
struct Tokens {
  std::vector<Token> list;
  std::string words;  // UTF-8, lower case, hostile

  // A token for people: `"viagra"`, `"casino" in the subject`, `link to example.org`.
  std::string Describe(const Token& token) const;
};

// Counts up when tokens change so that what was learnt before means something else now.
inline constexpr int kTokensVersion = 1;

struct TokenLimits {
  size_t tokens = 4000;
  size_t text = 64 << 10;  // bytes at the beginning of a text, and an eighth as many at its end
  size_t hosts = 100;
};

// What the recipient sees of a message: words of subject, sender and visible text, where links
// lead, what is attached; and how it is built. Never what relays or receivers have added. Bounded:
// time grows with the bytes of the texts, at most the limits'.
Tokens TokensOf(const ParsedMessage& message, const TokenKey& key, const TokenLimits& limits = {});

}  // namespace cleanmail::scanner::learning
