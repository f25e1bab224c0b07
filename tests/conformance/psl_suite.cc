// The public suffix list's own vectors: psl_suite public_suffix_list.dat tests.txt. Prints what
// differs and the count.
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>

#include "libs/mail/address/domain.h"
#include "libs/mail/address/public_suffix.h"

namespace {

namespace address = cleanmail::mail::address;

// As names are compared: A-labels in lower case; "null" and what is no name are nothing.
std::string Normal(const std::string& text) {
  const auto domain = address::NormalizeDomain(text);
  return text == "null" || !domain.ok() || text.starts_with('.') ? "" : *domain;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: psl_suite public_suffix_list.dat tests.txt\n";
    return 2;
  }
  std::ostringstream text;
  text << std::ifstream(argv[1]).rdbuf();
  const auto list = address::PublicSuffixes::Parse(text.str());
  if (!list.ok()) {
    std::cerr << list.status() << "\n";
    return 1;
  }
  int passed = 0, all = 0;
  std::ifstream vectors(argv[2]);
  for (std::string line; std::getline(vectors, line);) {
    std::istringstream parts(line);
    std::string domain, expected;
    if (line.starts_with("//") || !(parts >> domain >> expected)) continue;
    ++all;
    const std::string found = list->RegistrableDomain(Normal(domain));
    if (found == Normal(expected))
      ++passed;
    else
      std::cout << "  differs: " << domain << ": " << found << ", expected " << expected << "\n";
  }
  std::cout << "public suffix vectors: " << passed << " of " << all << " pass\n";
  return passed == all && all > 0 ? 0 : 1;
}
