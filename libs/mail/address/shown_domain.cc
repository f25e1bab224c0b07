#include "libs/mail/address/shown_domain.h"

#include <idn2.h>

namespace cleanmail::mail::address {
namespace {

constexpr size_t kLongest = 1000;

std::string ShownLabel(std::string_view label) {
  const std::string terminated(label);
  char* shown = nullptr;
  if (idn2_to_unicode_8z8z(terminated.c_str(), &shown, 0) != IDN2_OK) return terminated;
  std::string text(shown);
  idn2_free(shown);
  return text;
}

}  // namespace

std::string ShownDomain(std::string_view domain) {
  domain = domain.substr(0, kLongest);
  std::string shown;
  while (true) {
    const size_t dot = domain.find('.');
    const std::string_view label = domain.substr(0, dot);
    shown += label.starts_with("xn--") ? ShownLabel(label) : std::string(label);
    if (dot == domain.npos) return shown;
    shown += '.';
    domain.remove_prefix(dot + 1);
  }
}

}  // namespace cleanmail::mail::address
