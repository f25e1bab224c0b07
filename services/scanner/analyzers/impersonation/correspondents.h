#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::scanner {

// An author or a place for answers, as a header field names him (RFC 5322 §3.4).
struct Correspondent {
  std::string name;    // what programs show: decoded, without quotes; hostile UTF-8
  std::string local;   // in lower case
  std::string domain;  // A-labels; empty where there is no address that can be read
};

// More than any honest field has.
inline constexpr size_t kMostCorrespondents = 20;

// Reads the value of From, Reply-To or Sender as programs show it: what stands before the last
// angle brackets is the name, be it an address itself. Total and linear; at most 4,000 bytes of a
// name are kept.
std::vector<Correspondent> ReadCorrespondents(std::string_view value);

// The addresses that stand in a name: "ceo@acme.example" <x@evil.example>. Domains, A-labels.
std::vector<std::string> DomainsInName(std::string_view name);

}  // namespace cleanmail::scanner
