#include "services/scanner/analyzers/spam/rules/configuration.h"

#include <algorithm>
#include <utility>

#include "libs/base/cat.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/rules/conditions.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kMostRules = 50'000;
constexpr size_t kMostProblems = 1000;
constexpr size_t kLongestRuleName = 100;
constexpr size_t kDeepestInclude = 10;

bool IsRuleName(std::string_view name) {
  return !name.empty() && !IsDigit(name[0]) && std::all_of(name.begin(), name.end(), IsWord);
}

// A line without its comment; `\#` is a plain #.
std::string WithoutComment(std::string_view line) {
  std::string out;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '#') {
      if (i > 0 && line[i - 1] == '\\') {
        out.back() = '#';
        continue;
      }
      break;
    }
    out += line[i];
  }
  return std::string(Trim(out));
}

// Older names of settings.
std::string PresentName(std::string key) {
  key = Replaced(std::move(key), "whitelist", "welcomelist");
  return Replaced(std::move(key), "blacklist", "blocklist");
}

// The first word of `text`, and what follows it.
std::pair<std::string_view, std::string_view> FirstWord(std::string_view text) {
  size_t end = 0;
  while (end < text.size() && !IsBlank(text[end])) ++end;
  return {text.substr(0, end), TrimLeft(text.substr(end))};
}

class ConfigurationReader {
 public:
  explicit ConfigurationReader(const IncludeReader& include) : include_(include) {}

  Configuration Run(const std::vector<RuleFile>& files) {
    for (const RuleFile& file : files) ReadFile(file, 0);
    return std::move(out_);
  }

 private:
  struct Condition {
    bool skipped_before = false;
  };

  void ReadFile(const RuleFile& file, size_t depth);
  void ReadLine(const std::string& line, size_t depth);
  bool ReadCondition(std::string_view key, std::string_view value);
  bool ReadRule(std::string_view key, std::string_view value);
  bool ReadAboutRule(std::string_view key, std::string_view value);
  bool ReadReplacement(std::string_view key, std::string_view value);
  bool ReadNetworks(std::string_view key, std::string_view value);
  bool ReadList(const std::string& key, std::string_view value);
  bool ReadUriHosts(const std::string& key, std::string_view value);
  bool ReadSetting(const std::string& key, std::string_view value);
  void ReadScore(std::string_view value);
  void Define(RuleKind kind, std::string_view name, std::string_view text);
  void Problem(std::string what) {
    if (out_.problems.size() < kMostProblems)
      out_.problems.push_back({file_, line_, std::move(what)});
  }

  const IncludeReader& include_;
  Configuration out_;
  ConditionFacts facts_;
  std::vector<Condition> conditions_;
  bool skipping_ = false;
  std::string file_;
  int line_ = 0;
};

void ConfigurationReader::ReadFile(const RuleFile& file, size_t depth) {
  const std::string outer_file = std::exchange(file_, file.name);
  const int outer_line = std::exchange(line_, 0);
  for (const std::string_view line : Lines(file.text)) {
    ++line_;
    const std::string text = WithoutComment(line);
    if (!text.empty()) ReadLine(text, depth);
  }
  if (depth == 0) {
    if (!conditions_.empty()) Problem("an 'if' is not ended");
    conditions_.clear();
    skipping_ = false;
  }
  file_ = outer_file;
  line_ = outer_line;
}

bool ConfigurationReader::ReadCondition(std::string_view key, std::string_view value) {
  if (key == "endif") {
    if (conditions_.empty()) {
      Problem("'endif' without 'if'");
    } else {
      skipping_ = conditions_.back().skipped_before;
      conditions_.pop_back();
    }
    return true;
  }
  if (key == "else") {
    if (conditions_.empty()) Problem("'else' without 'if'");
    const bool outer = std::any_of(conditions_.begin(), conditions_.end(),
                                   [](const Condition& one) { return one.skipped_before; });
    skipping_ = outer || !skipping_;
    return true;
  }
  if (key != "if" && key != "ifplugin") return false;
  conditions_.push_back({skipping_});
  const std::string condition = key == "if" ? std::string(value) : base::Cat("plugin(", value, ")");
  const absl::StatusOr<bool> holds = Holds(condition, facts_);
  if (!holds.ok()) Problem(base::Cat("the condition cannot be read: ", holds.status().message()));
  if (!holds.ok() || !*holds) skipping_ = true;
  return true;
}

void ConfigurationReader::ReadLine(const std::string& given, size_t depth) {
  std::string_view line = given;
  if (line.starts_with("lang")) {
    const auto [word, rest] = FirstWord(line);
    const auto [language, command] = FirstWord(rest);
    if (word == "lang" && !command.empty()) {
      if (!BeginsWith("en_US", language)) return;
      line = command;
    }
  }
  const auto [word, value] = FirstWord(line);
  std::string key = Lower(word);
  std::replace(key.begin(), key.end(), '-', '_');
  if (ReadCondition(key, value) || skipping_) return;
  if (key == "include") {
    const std::optional<std::string> text =
        include_ == nullptr || depth >= kDeepestInclude ? std::nullopt : include_(value);
    if (!text) return Problem(base::Cat("'", value, "' cannot be included"));
    return ReadFile({std::string(value), *text}, depth + 1);
  }
  if (key == "require_version") {
    const std::optional<double> version = NumberOf(value);
    if (version && *version != 4.000001) {
      Problem(base::Cat("the rest of the file is for version ", value, " and is skipped"));
      skipping_ = true;
    }
    return;
  }
  if (ReadRule(key, value) || ReadAboutRule(key, value) || ReadReplacement(key, value)) return;
  key = PresentName(key);
  if (const std::optional<bool> read = ReadDnsListSetting(key, value, out_.dns_lists)) {
    if (!*read) Problem(base::Cat("it cannot be read what '", key, "' says"));
    return;
  }
  if (ReadNetworks(key, value) || ReadUriHosts(key, value) || ReadList(key, value)) return;
  if (!ReadSetting(key, value)) out_.settings[key] = std::string(value);
}

void ConfigurationReader::Define(RuleKind kind, std::string_view name, std::string_view text) {
  if (!IsRuleName(name) || name.size() > kLongestRuleName)
    return Problem(base::Cat("'", name.substr(0, 120), "' is no name for a rule"));
  if (text.empty()) return Problem(base::Cat("the rule ", name, " is empty"));
  if (out_.rules.size() >= kMostRules) return Problem("there are too many rules");
  out_.rules[std::string(name)] = {kind, std::string(text), file_, line_};
}

bool ConfigurationReader::ReadRule(std::string_view key, std::string_view value) {
  static const std::map<std::string_view, RuleKind> kinds = {
      {"header", RuleKind::kHeader},   {"body", RuleKind::kBody},
      {"rawbody", RuleKind::kRawBody}, {"full", RuleKind::kFull},
      {"uri", RuleKind::kUri},         {"mimeheader", RuleKind::kMimeHeader},
      {"meta", RuleKind::kMeta},       {"uri_detail", RuleKind::kUriDetail},
      {"askdns", RuleKind::kNetwork}};
  const auto kind = kinds.find(key);
  if (kind == kinds.end()) return false;
  auto [name, text] = FirstWord(value);
  const bool may_call =
      key == "header" || key == "body" || key == "rawbody" || key == "full" || key == "uri";
  for (const std::string_view prefix : {"eval:", "rbleval:"}) {
    if (!may_call || !text.starts_with(prefix)) continue;
    Define(RuleKind::kEval, name, base::Cat(key, " ", text.substr(prefix.size())));
    return true;
  }
  Define(kind->second, name, text);
  return true;
}

void ConfigurationReader::ReadScore(std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  if (words.size() != 2 && words.size() != 5) return Problem("a score is one number, or four");
  std::array<double, 4> scores{};
  bool relative = false;
  for (size_t set = 0; set < 4; ++set) {
    std::string_view word = words[words.size() == 2 ? 1 : set + 1];
    if (word.starts_with('(') && word.ends_with(')')) {
      relative = true;
      word = word.substr(1, word.size() - 2);
    }
    const std::optional<double> number = NumberOf(word);
    if (!number) return Problem("a score is no number");
    scores[set] = *number;
  }
  std::array<double, 4>& known = out_.scores[std::string(words[0])];
  for (size_t set = 0; set < 4; ++set) known[set] = scores[set] + (relative ? known[set] : 0);
}

bool ConfigurationReader::ReadAboutRule(std::string_view key, std::string_view value) {
  if (key == "score") {
    ReadScore(value);
    return true;
  }
  const auto [name, text] = FirstWord(value);
  if (key == "describe") {
    out_.descriptions[std::string(name)] = std::string(text);
    return true;
  }
  if (key == "tflags") {
    out_.flags[std::string(name)] = std::string(text);
    return true;
  }
  if (key == "loadplugin" || key == "tryplugin") {
    out_.plugins.insert(ShortPluginName(name));
    facts_.plugins.insert(ShortPluginName(name));
    return true;
  }
  if (key == "enable_compat") {
    facts_.compatible_names = facts_.compatible_names || value == "welcomelist_blocklist";
    return true;
  }
  return key == "priority" || key == "test" || key == "reuse";  // of no meaning here
}

bool ConfigurationReader::ReadReplacement(std::string_view key, std::string_view value) {
  Replacements& all = out_.replacements;
  const auto [name, text] = FirstWord(value);
  if (key == "replace_tag") {
    all.tags[std::string(name)] = std::string(text);
  } else if (key == "replace_pre") {
    all.before[std::string(name)] = std::string(text);
  } else if (key == "replace_post") {
    all.behind[std::string(name)] = std::string(text);
  } else if (key == "replace_inter") {
    all.between[std::string(name)] = std::string(text);
  } else if (key == "replace_start") {
    all.start = value;
  } else if (key == "replace_end") {
    all.end = value;
  } else if (key == "replace_rules") {
    for (const std::string_view rule : Words(value)) all.rules.insert(std::string(rule));
  } else {
    return false;
  }
  return true;
}

bool ConfigurationReader::ReadNetworks(std::string_view key, std::string_view value) {
  const auto add = [&](std::vector<std::string>& list) {
    for (const std::string_view word : Words(value)) list.emplace_back(word);
    return true;
  };
  if (key == "trusted_networks") return add(out_.trusted_networks);
  if (key == "internal_networks") return add(out_.internal_networks);
  if (key == "msa_networks") return add(out_.msa_networks);
  if (key == "originating_ip_headers") return add(out_.originating_ip_fields);
  if (key == "clear_originating_ip_headers") {
    out_.originating_ip_fields.clear();
    return true;
  }
  if (key == "clear_trusted_networks") out_.trusted_networks.clear();
  if (key == "clear_internal_networks") out_.internal_networks.clear();
  if (key == "clear_msa_networks") out_.msa_networks.clear();
  return key == "clear_trusted_networks" || key == "clear_internal_networks" ||
         key == "clear_msa_networks";
}

bool ConfigurationReader::ReadUriHosts(const std::string& key, std::string_view value) {
  std::string list;
  std::vector<std::string_view> words = Words(value);
  if (key == "enlist_uri_host" || key == "delist_uri_host" || key == "enlist_addrlist") {
    if (words.size() < 2 || words[0].size() < 3 || !words[0].starts_with('(')) {
      Problem("the list's name stands in parentheses, what is put on it behind");
      return true;
    }
    list = words[0].substr(1, words[0].size() - 2);
    words.erase(words.begin());
  }
  if (key == "enlist_addrlist") {
    for (const std::string_view word : words) out_.lists[list].push_back({Lower(word), ""});
    return true;
  }
  if (key == "blocklist_uri_host") list = "BLOCK";
  if (key == "welcomelist_uri_host") list = "WELCOME";
  if (list.empty()) return false;
  for (std::string_view word : words) {
    const bool listed = !word.starts_with('!');
    if (!listed) word.remove_prefix(1);
    if (key == "delist_uri_host") {
      out_.uri_hosts[list].erase(Lower(word));
    } else {
      out_.uri_hosts[list][Lower(word)] = listed;
    }
  }
  return true;
}

bool ConfigurationReader::ReadList(const std::string& key, std::string_view value) {
  static const std::set<std::string, std::less<>> plain = {"welcomelist_from",
                                                           "blocklist_from",
                                                           "welcomelist_to",
                                                           "blocklist_to",
                                                           "more_spam_to",
                                                           "all_spam_to",
                                                           "welcomelist_auth",
                                                           "def_welcomelist_auth",
                                                           "welcomelist_bounce_relays",
                                                           "welcomelist_allows_relays",
                                                           "welcomelist_from_spf",
                                                           "def_welcomelist_from_spf",
                                                           "welcomelist_subject",
                                                           "blocklist_subject"};
  static const std::set<std::string, std::less<>> vouched = {
      "welcomelist_from_rcvd", "def_welcomelist_from_rcvd", "welcomelist_from_dkim",
      "def_welcomelist_from_dkim"};
  const std::vector<std::string_view> words = Words(value);
  if (plain.count(key) != 0) {
    if (key.ends_with("_subject")) {
      out_.lists[key].push_back({Lower(value), ""});
      return true;
    }
    for (const std::string_view word : words) out_.lists[key].push_back({Lower(word), ""});
    return true;
  }
  if (vouched.count(key) != 0) {
    if (!words.empty())
      out_.lists[key].push_back({Lower(words[0]), words.size() > 1 ? Lower(words[1]) : ""});
    return true;
  }
  if (!key.starts_with("un") ||
      (plain.count(key.substr(2)) == 0 && vouched.count(key.substr(2)) == 0))
    return false;
  std::vector<ListedAddress>& list = out_.lists[key.substr(2)];
  for (const std::string_view word : words)
    std::erase_if(list, [&](const ListedAddress& one) { return one.glob == Lower(word); });
  return true;
}

bool ConfigurationReader::ReadSetting(const std::string& key, std::string_view value) {
  const std::vector<std::string_view> words = Words(value);
  if (key == "util_rb_tld") {
    for (const std::string_view word : words) out_.domains.AddTopLevel(Lower(word));
  } else if (key == "util_rb_2tld") {
    for (const std::string_view word : words) out_.domains.AddTwoLevel(Lower(word));
  } else if (key == "util_rb_3tld") {
    for (const std::string_view word : words) out_.domains.AddThreeLevel(Lower(word));
  } else if (key == "clear_util_rb") {
    out_.domains.Clear();
  } else if (key == "freemail_domains") {
    for (const std::string_view word : words) {
      const bool glob = word.find_first_of("*?") != std::string_view::npos;
      if (glob) {
        out_.freemail_globs.push_back(Lower(word));
      } else {
        out_.freemail_domains.insert(Lower(word));
      }
    }
  } else if (key == "freemail_welcomelist") {
    for (const std::string_view word : words) out_.freemail_exceptions.insert(Lower(word));
  } else if (key == "adsp_override") {
    if (words.empty()) return true;
    const std::string practice = words.size() > 1 ? Lower(words[1]) : "discardable";
    static const std::map<std::string_view, char> letters = {
        {"nxdomain", 'N'},   {"unknown", 'U'},    {"all", 'A'},        {"discardable", 'D'},
        {"custom_low", '1'}, {"custom_med", '2'}, {"custom_high", '3'}};
    if (const auto letter = letters.find(practice); letter != letters.end())
      out_.signing_practices[Lower(words[0])] = letter->second;
  } else if (key == "redirector_pattern") {
    out_.redirectors.emplace_back(value);
  } else {
    return false;
  }
  return true;
}

}  // namespace

Configuration ReadConfiguration(const std::vector<RuleFile>& files, const IncludeReader& include) {
  return ConfigurationReader(include).Run(files);
}

}  // namespace cleanmail::scanner::spam
