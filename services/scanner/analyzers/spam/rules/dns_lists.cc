#include "services/scanner/analyzers/spam/rules/dns_lists.h"

#include <algorithm>
#include <charconv>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/domains.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kMostPassed = 100'000;
constexpr uint32_t kLoopback = 0x7F000000;  // 127/8
constexpr uint32_t kLoopbackMask = 0xFF000000;

// A number: decimal, 0x…, or an IPv4 address.
std::optional<uint32_t> ReadNumber(std::string_view text) {
  if (const std::optional<uint32_t> address = Ipv4Number(text)) return address;
  const bool hex = text.starts_with("0x");
  if (hex) text.remove_prefix(2);
  uint32_t number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, hex ? 16 : 10);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

std::string WithoutFinalDots(std::string_view zone) {
  while (zone.ends_with('.')) zone.remove_suffix(1);
  return Lower(zone);
}

// `tested`: a subtest stands at the end of the line.
bool ReadLinkList(LinkList::About about, bool tested, std::string_view value,
                  DnsListSettings& settings) {
  const std::vector<std::string_view> words = Words(value);
  if (words.size() != (tested ? 4U : 3U)) return false;
  LinkList list{.about = about, .zone = WithoutFinalDots(words[1]), .text = false, .test = {}};
  const std::string type = Lower(words[2]);
  if (list.zone.empty() || (type != "a" && type != "txt")) return false;
  list.text = type == "txt";
  if (tested) {
    const std::optional<CodeTest> test = CodeTest::Read(words[3]);
    if (!test) return false;
    list.test = *test;
  }
  settings.link_lists.insert_or_assign(std::string(words[0]), std::move(list));
  return true;
}

}  // namespace

std::optional<uint32_t> Ipv4Number(std::string_view text) {
  if (!IsIpv4(text)) return std::nullopt;
  uint32_t number = 0;
  for (const std::string_view piece : Pieces(text, '.')) {
    unsigned octet = 0;
    std::from_chars(piece.data(), piece.data() + piece.size(), octet);
    number = number << 8 | (octet & 0xFF);
  }
  return number;
}

bool HasFlag(std::string_view flags, std::string_view word) {
  const std::vector<std::string_view> words = Words(flags);
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::optional<CodeTest> CodeTest::Read(std::string_view text) {
  CodeTest test;
  test.text = text;
  const size_t at = text.find_first_of("-/");
  const std::optional<uint32_t> first = ReadNumber(text.substr(0, at));
  if (!first) return std::nullopt;
  test.first = *first;
  if (at == std::string_view::npos) {
    const bool one = Ipv4Number(text).has_value();
    test.kind = one ? Kind::kRange : Kind::kBits;
    (one ? test.last : test.mask) = *first;
    return test;
  }
  const std::optional<uint32_t> second = ReadNumber(text.substr(at + 1));
  if (!second) return std::nullopt;
  test.kind = text[at] == '-' ? Kind::kRange : Kind::kMasked;
  (text[at] == '-' ? test.last : test.mask) = *second;
  return test;
}

// What is outside 127/8 is no code of a list (RFC 5782 §2.1), whatever a rule says: an address of a
// web server that answers for a list that is no more.
bool CodeTest::Counts(uint32_t address) const {
  if ((address & kLoopbackMask) != kLoopback) return false;
  switch (kind) {
    case Kind::kAny:
      return true;
    case Kind::kBits:
      return (address & mask) != 0;
    case Kind::kRange:
      return address >= first && address <= last;
    case Kind::kMasked:
      return (address & mask) == (first & mask);
  }
  return false;
}

std::optional<bool> ReadDnsListSetting(std::string_view key, std::string_view value,
                                       DnsListSettings& settings) {
  using About = LinkList::About;
  struct Form {
    About about;
    bool tested;
  };
  static const std::map<std::string_view, Form> forms = {
      {"uridnsbl", {About::kAddress, false}},
      {"uridnssub", {About::kAddress, true}},
      {"urirhsbl", {About::kDomain, false}},
      {"urirhssub", {About::kDomain, true}},
      {"urinsrhsbl", {About::kNameServerDomain, false}},
      {"urinsrhssub", {About::kNameServerDomain, true}},
      {"urifullnsrhsbl", {About::kNameServer, false}},
      {"urifullnsrhssub", {About::kNameServer, true}}};
  if (const auto form = forms.find(key); form != forms.end())
    return ReadLinkList(form->second.about, form->second.tested, value, settings);
  auto& passed = settings.link_domains_passed;
  if (key == "uridnsbl_skip_domain") {
    for (const std::string_view word : Words(value)) {
      if (passed.size() < kMostPassed) passed.insert(Lower(word));
    }
    return true;
  }
  if (key != "clear_uridnsbl_skip_domain") return std::nullopt;
  if (Words(value).empty()) passed.clear();
  for (const std::string_view word : Words(value)) passed.erase(Lower(word));
  return true;
}

std::optional<ListCall> ReadListCall(std::string_view function,
                                     const std::vector<std::string>& arguments,
                                     std::string_view flags) {
  using About = ListCall::About;
  static const std::map<std::string_view, About> functions = {
      {"check_rbl", About::kRelays},
      {"check_rbl_txt", About::kRelays},
      {"check_rbl_from_host", About::kAuthors},
      {"check_rbl_from_domain", About::kAuthorDomains},
      {"check_rbl_envfrom", About::kSender},
      {"check_rbl_headers", About::kFields},
      {"check_rbl_rcvd", About::kFirstRelay}};
  const auto found = functions.find(function);
  if (found == functions.end() || arguments.size() < 2) return std::nullopt;
  ListCall call{.about = found->second,
                .set = arguments[0],
                .zone = WithoutFinalDots(arguments[1]),
                .text = function == "check_rbl_txt",
                .nice = HasFlag(flags, "nice"),
                .ips_only = HasFlag(flags, "ips_only"),
                .domains_only = HasFlag(flags, "domains_only")};
  if (call.zone.empty()) return std::nullopt;
  if (call.about == About::kFields && arguments.size() > 3) call.fields = arguments[3];
  return call;
}

}  // namespace cleanmail::scanner::spam
