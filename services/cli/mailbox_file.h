#pragma once

#include <string_view>
#include <vector>

namespace cleanmail::cli {

// The mails of a file: one, or those of an mbox (RFC 4155): each begins with a line "From " at the
// file's begin or behind an empty line, with a year in it. Views of `bytes`, without these lines;
// quoted ones (">From ") stay as they are.
std::vector<std::string_view> MailsIn(std::string_view bytes);

}  // namespace cleanmail::cli
