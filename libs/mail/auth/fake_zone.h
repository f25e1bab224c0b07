#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "libs/mail/auth/lookups.h"

namespace cleanmail::mail::auth {

// The DNS from memory, for tests: names without regard to case, CNAMEs followed, everything else
// NotFound.
class FakeZone {
 public:
  FakeZone& Text(std::string_view name, std::string_view text);
  FakeZone& Address(std::string_view name, std::string_view address);  // A or AAAA by its form
  FakeZone& Mx(std::string_view name, uint16_t preference, std::string_view exchange);
  FakeZone& Pointer(std::string_view name, std::string_view target);
  FakeZone& Alias(std::string_view name, std::string_view target);
  // Questions about it that have no records fail for now.
  FakeZone& Trouble(std::string_view name);

  Lookups::Reply Ask(const dns::Question& question) const;

  // Calls `machine(lookups)` until it has a result, answering what it wants in between.
  template <class Machine>
  auto Run(Lookups& lookups, Machine&& machine) const {
    auto result = machine(lookups);
    while (!result.has_value()) {
      for (const dns::Question& question : lookups.TakeWanted())
        lookups.Tell(question, Ask(question));
      result = machine(lookups);
    }
    return *std::move(result);
  }
  template <class Machine>
  auto Run(Machine&& machine) const {
    Lookups lookups;
    return Run(lookups, std::forward<Machine>(machine));
  }

 private:
  dns::Answer& At(std::string_view name, dns::Type type);

  std::map<std::pair<std::string, dns::Type>, dns::Answer> records_;
  std::map<std::string, std::string> aliases_;
  std::set<std::string> trouble_;
};

}  // namespace cleanmail::mail::auth
