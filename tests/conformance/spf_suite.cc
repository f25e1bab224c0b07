// The RFC 7208 suite in its YAML form: spf_suite FILE. Prints each case that differs and the
// counts; fails when one did.
#include <algorithm>
#include <iostream>
#include <string>
#include <vector>

#include <yaml-cpp/yaml.h>

#include "libs/mail/auth/fake_zone.h"
#include "libs/mail/auth/spf/check_host.h"

namespace {

using cleanmail::mail::auth::FakeZone;
using cleanmail::mail::auth::Lookups;
namespace spf = cleanmail::mail::auth::spf;

// The strings of one TXT record, joined.
std::string Joined(const YAML::Node& value) {
  if (!value.IsSequence()) return value.as<std::string>();
  std::string text;
  for (const auto& piece : value) text += piece.as<std::string>();
  return text;
}

void AddRecord(FakeZone& zone, const std::string& name, const std::string& type,
               const YAML::Node& value) {
  if (type == "A" || type == "AAAA") zone.Address(name, value.as<std::string>());
  if (type == "TXT" && Joined(value) != "NONE") zone.Text(name, Joined(value));
  if (type == "PTR") zone.Pointer(name, value.as<std::string>());
  if (type == "CNAME") zone.Alias(name, value.as<std::string>());
  if (type == "MX") zone.Mx(name, value[0].as<uint16_t>(), value[1].as<std::string>());
}

// Records of the abandoned type SPF count as TXT where a name has no TXT of its own.
FakeZone ReadZone(const YAML::Node& data) {
  FakeZone zone;
  for (const auto& entry : data) {
    const auto name = entry.first.as<std::string>();
    const bool has_text = std::any_of(entry.second.begin(), entry.second.end(), [](const auto& r) {
      return r.IsMap() && r["TXT"].IsDefined();
    });
    for (const auto& record : entry.second) {
      if (record.IsScalar()) {
        zone.Trouble(name);
        continue;
      }
      for (const auto& pair : record) {
        const auto type = pair.first.as<std::string>();
        if (type != "SPF")
          AddRecord(zone, name, type, pair.second);
        else if (!has_text)
          AddRecord(zone, name, "TXT", pair.second);
      }
    }
  }
  return zone;
}

bool Accepted(const YAML::Node& expected, std::string_view result) {
  if (expected.IsScalar()) return expected.as<std::string>() == result;
  return std::any_of(expected.begin(), expected.end(),
                     [&](const auto& one) { return one.template as<std::string>() == result; });
}

// Whether a case came out as expected.
bool RunCase(const std::string& name, const YAML::Node& test, const FakeZone& zone) {
  const spf::Query query{.client = test["host"].as<std::string>(),
                         .helo = test["helo"].as<std::string>(),
                         .sender = test["mailfrom"].as<std::string>()};
  const spf::Verdict verdict =
      zone.Run([&](Lookups& lookups) { return spf::CheckHost(query, lookups); });
  const auto explanation =
      test["explanation"].IsDefined() ? test["explanation"].as<std::string>() : "DEFAULT";
  const bool explained = !test["explanation"].IsDefined() ||
                         verdict.explanation == (explanation == "DEFAULT" ? "" : explanation);
  if (Accepted(test["result"], ToText(verdict.result)) && explained) return true;
  std::cout << "  differs: " << name << ": " << ToText(verdict.result) << " (" << verdict.problem
            << ") explanation \"" << verdict.explanation << "\", expected "
            << YAML::Dump(test["result"]) << " \"" << explanation << "\"\n";
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: spf_suite rfc7208-tests.yml\n";
    return 2;
  }
  int passed = 0, all = 0;
  for (const YAML::Node& scenario : YAML::LoadAllFromFile(argv[1])) {
    if (!scenario["tests"].IsDefined()) continue;
    const FakeZone zone = ReadZone(scenario["zonedata"]);
    int here = 0;
    for (const auto& test : scenario["tests"])
      here += RunCase(test.first.as<std::string>(), test.second, zone) ? 1 : 0;
    std::cout << here << "/" << scenario["tests"].size() << " "
              << scenario["description"].as<std::string>() << "\n";
    passed += here;
    all += static_cast<int>(scenario["tests"].size());
  }
  std::cout << "RFC 7208 suite: " << passed << " of " << all << " cases pass\n";
  return passed == all && all > 0 ? 0 : 1;
}
