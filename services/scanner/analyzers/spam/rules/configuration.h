#pragma once

#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "services/scanner/analyzers/spam/reading/domains.h"
#include "services/scanner/analyzers/spam/rules/dns_lists.h"

namespace cleanmail::scanner::spam {

// A file of rules.
struct RuleFile {
  std::string name;  // for messages
  std::string text;
};

enum class RuleKind {
  kHeader,
  kBody,
  kRawBody,
  kFull,
  kUri,
  kMimeHeader,
  kUriDetail,
  kMeta,
  kEval,
  kNetwork
};

// A rule as it was written.
struct RuleDefinition {
  RuleKind kind = RuleKind::kHeader;
  std::string text;  // what stands behind the name
  std::string file;
  int line = 0;
};

// Addresses with wildcards, and for some lists the domain that must vouch for each.
struct ListedAddress {
  std::string glob;
  std::string domain;  // empty where none is needed
};

// What replace_tag and its kin say.
struct Replacements {
  std::string start = "<";
  std::string end = ">";
  std::map<std::string, std::string, std::less<>> tags;
  std::map<std::string, std::string, std::less<>> before;
  std::map<std::string, std::string, std::less<>> behind;
  std::map<std::string, std::string, std::less<>> between;
  std::set<std::string, std::less<>> rules;
};

// Something in a rule file that could not be used.
struct RuleProblem {
  std::string file;
  int line = 0;
  std::string what;
};

// All that rule files say, read and not yet compiled.
struct Configuration {
  std::map<std::string, RuleDefinition> rules;
  std::unordered_map<std::string, std::array<double, 4>> scores;
  std::unordered_map<std::string, std::string> descriptions;
  std::unordered_map<std::string, std::string> flags;  // words of tflags
  Replacements replacements;
  Domains domains;
  std::map<std::string, std::vector<ListedAddress>> lists;       // by their key in rule files
  std::map<std::string, std::map<std::string, bool>> uri_hosts;  // list, host, listed
  std::set<std::string> freemail_domains;
  std::vector<std::string> freemail_globs;
  std::set<std::string> freemail_exceptions;
  std::map<std::string, char> signing_practices;  // adsp_override: domain, letter
  std::vector<std::string> redirectors;           // Perl literals
  std::vector<std::string> originating_ip_fields;
  std::map<std::string, std::string, std::less<>> settings;  // single values: ok_locales …
  std::vector<std::string> trusted_networks;
  std::vector<std::string> internal_networks;
  std::vector<std::string> msa_networks;
  DnsListSettings dns_lists;
  std::set<std::string> plugins;  // short names of loadplugin lines
  std::vector<RuleProblem> problems;
};

// Reads files in order, as SpamAssassin reads them with version 4.0.1 and without network. Total;
// what cannot be used is listed as a problem. `include` finds the text of an included file.
using IncludeReader = std::function<std::optional<std::string>(std::string_view name)>;
Configuration ReadConfiguration(const std::vector<RuleFile>& files,
                                const IncludeReader& include = nullptr);

}  // namespace cleanmail::scanner::spam
