#include "libs/net/prefix.h"

#include <charconv>

#include "libs/base/status_macros.h"

namespace cleanmail::net {

absl::StatusOr<Prefix> Prefix::Parse(std::string_view text) {
  const size_t slash = text.find('/');
  const auto wrong = [text](std::string_view why) {
    return absl::InvalidArgumentError(
        base::Cat("\"", text.substr(0, 64), "\" is not a network (as 192.0.2.0/24): ", why));
  };
  absl::StatusOr<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
  if (!address.ok()) return wrong("the address is not one");
  if (slash == std::string_view::npos) return Prefix(*address, 128);
  const std::string_view digits = text.substr(slash + 1);
  const bool v4 = text.find(':') == std::string_view::npos;
  int bits = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
  if (error != std::errc() || end != digits.data() + digits.size() || bits < 0 ||
      bits > (v4 ? 32 : 128)) {
    return wrong(v4 ? "the length is not a number from 0 to 32"
                    : "the length is not a number from 0 to 128");
  }
  if (v4) bits += 96;
  if (address->Masked(bits) != *address) {
    return wrong(base::Cat("bits are set behind its length; the network is ",
                           Prefix(address->Masked(bits), bits).ToString()));
  }
  return Prefix(*address, bits);
}

std::string Prefix::ToString() const {
  const bool v4 = base_.is_v4() && bits_ >= 96;
  return base::Cat(base_.ToString(), "/", v4 ? bits_ - 96 : bits_);
}

absl::StatusOr<PrefixSet> PrefixSet::Parse(std::span<const std::string> texts) {
  PrefixSet set;
  for (const std::string& text : texts) {
    CLEANMAIL_ASSIGN_OR_RETURN(const Prefix prefix, Prefix::Parse(text));
    set.Add(prefix);
  }
  return set;
}

}  // namespace cleanmail::net
