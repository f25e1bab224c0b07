#pragma once

#include <string>
#include <string_view>

namespace cleanmail::mail::mime {

// Text of format=flowed (RFC 3676) with its soft line ends joined, as programs show it. Quoted
// lines keep their marks ("> "). `del_sp`: the blank before a soft line end goes.
std::string JoinFlowed(std::string_view text, bool del_sp);

}  // namespace cleanmail::mail::mime
