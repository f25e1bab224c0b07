#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace cleanmail::scanner::spam {

// Which addresses in a list's answer count (URIDNSBL's subtests): all of 127/8; those with one of
// the bits of `mask`, of 127/8; those from `first` to `last`; those with the bits of `mask` as
// `first` has them.
struct CodeTest {
  enum class Kind { kAny, kBits, kRange, kMasked };
  Kind kind = Kind::kAny;
  uint32_t first = 0;
  uint32_t last = 0;
  uint32_t mask = 0;
  std::string text = {};  // as it was written, for TXT records; empty: any

  // "8", "0x10", "127.0.0.2", "127.0.1.0-127.0.1.9", "0.0.0.16/0.0.0.16". nullopt: none of these.
  static std::optional<CodeTest> Read(std::string_view text);
  bool Counts(uint32_t address) const;
};

// A list in the DNS in which a message's links are looked up (uridnsbl, urirhsbl and their kin).
struct LinkList {
  enum class About { kDomain, kAddress, kNameServerDomain, kNameServer };
  About about = About::kDomain;
  std::string zone;
  bool text = false;  // TXT records are asked for
  CodeTest test;
};

// A call that asks a list about addresses or names of a message (check_rbl and its kin).
struct ListCall {
  enum class About { kRelays, kAuthors, kAuthorDomains, kSender, kFields, kFirstRelay };
  About about = About::kRelays;
  std::string set;
  std::string zone;
  std::string fields = {};  // of kFields; empty: the usual ones
  bool text = false;
  bool nice = false;          // speaks for a message: trusted relays are asked about too
  bool ips_only = false;      // names are not asked about
  bool domains_only = false;  // addresses are not asked about
};

// All that rule files say of lists in the DNS.
struct DnsListSettings {
  std::map<std::string, LinkList, std::less<>> link_lists;          // by rule
  std::map<std::string, std::vector<ListCall>, std::less<>> calls;  // of rules that run, by set
  std::set<std::string, std::less<>> link_domains_passed;           // uridnsbl_skip_domain
};

// Takes one line of a rule file. nullopt: it is about something else; false: it cannot be read.
std::optional<bool> ReadDnsListSetting(std::string_view key, std::string_view value,
                                       DnsListSettings& settings);

// What a call of `function` asks; nullopt: it asks no list, or its arguments are too few. `flags`
// are the words of the rule's tflags.
std::optional<ListCall> ReadListCall(std::string_view function,
                                     const std::vector<std::string>& arguments,
                                     std::string_view flags);

// Whether `word` is among the words of tflags.
bool HasFlag(std::string_view flags, std::string_view word);

// An IPv4 address as a number; nullopt: none.
std::optional<uint32_t> Ipv4Number(std::string_view text);

}  // namespace cleanmail::scanner::spam
