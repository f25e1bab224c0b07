#include "services/scanner/learning/token_hash.h"

#include <bit>
#include <cstring>

namespace cleanmail::scanner::learning {
namespace {

struct State {
  uint64_t v0, v1, v2, v3;

  void Round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }

  void Take(uint64_t word) {
    v3 ^= word;
    Round();
    Round();
    v0 ^= word;
  }
};

// At most eight bytes as a little-endian number.
uint64_t Word(std::string_view bytes) {
  uint64_t word = 0;
  for (size_t i = bytes.size(); i-- > 0;) word = (word << 8) | static_cast<unsigned char>(bytes[i]);
  return word;
}

}  // namespace

uint64_t HashOf(const TokenKey& key, std::string_view bytes) {
  State state{.v0 = key[0] ^ 0x736f6d6570736575ULL,
              .v1 = key[1] ^ 0x646f72616e646f6dULL,
              .v2 = key[0] ^ 0x6c7967656e657261ULL,
              .v3 = key[1] ^ 0x7465646279746573ULL};
  const uint64_t length = bytes.size();
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) state.Take(Word(bytes.substr(0, 8)));
  state.Take((length << 56) | Word(bytes));
  state.v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) state.Round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

}  // namespace cleanmail::scanner::learning
