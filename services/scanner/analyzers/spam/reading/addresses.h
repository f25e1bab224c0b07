#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::scanner::spam {

// One entry of an address field.
struct HeaderAddress {
  std::optional<std::string> phrase;   // what is shown: a name, or a comment
  std::optional<std::string> address;  // local@domain; absent where none can be read
};

// Reads the value of From, To and the like as loosely as spam writes them. Total.
std::vector<HeaderAddress> ReadAddresses(std::string_view value);

}  // namespace cleanmail::scanner::spam
