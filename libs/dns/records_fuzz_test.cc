#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "libs/dns/records.h"

// The first octet chooses the type, the rest is rdata.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using cleanmail::dns::Type;
  static constexpr Type kTypes[] = {Type::kA,   Type::kCname, Type::kPtr,  Type::kMx,
                                    Type::kTxt, Type::kAaaa,  Type::kTlsa, Type::kNs};
  if (size == 0) return 0;
  cleanmail::dns::Answer answer;
  cleanmail::dns::AddRecord(kTypes[data[0] % std::size(kTypes)],
                            {reinterpret_cast<const char*>(data) + 1, size - 1}, answer);
  for (const auto& mx : answer.mx) {
    if (!mx.exchange.empty() && !cleanmail::dns::IsAskable(mx.exchange)) std::abort();
  }
  for (const auto& name : answer.names) {
    if (!cleanmail::dns::IsAskable(name)) std::abort();
  }
  return 0;
}
