#pragma once

#include <string>
#include <string_view>

namespace cleanmail::mail::address {

// `domain` as programs show it: A-labels that can be read become U-labels (RFC 5891), the others
// stay. UTF-8; at most 1,000 bytes are looked at.
std::string ShownDomain(std::string_view domain);

}  // namespace cleanmail::mail::address
