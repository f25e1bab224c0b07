#pragma once

#include <string>
#include <string_view>

namespace cleanmail::scanner {

// `mail` as SMTP would have brought it: CRLF, without a line of mbox in front.
std::string AsReceived(std::string_view mail);

}  // namespace cleanmail::scanner
