#include "services/scanner/analyzers/spam/rules/rule_set_builder.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/net/prefix.h"
#include "libs/regex/perl_literal.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/rules/replace_tags.h"

namespace cleanmail::scanner::spam {
namespace {

// The networks of `texts`; shortened forms ("192.168.") are completed, `!` entries are exceptions.
struct Networks {
  net::PrefixSet in;
  net::PrefixSet out;

  bool Contains(std::string_view ip) const {
    const auto address = net::IpAddress::Parse(ip);
    return address.ok() && in.Contains(*address) && !out.Contains(*address);
  }
};

std::string Completed(std::string_view text) {
  const size_t slash = text.find('/');
  std::string address(text.substr(0, slash));
  std::string bits = slash == std::string_view::npos ? "" : std::string(text.substr(slash));
  if (address.find(':') != std::string::npos) return address + bits;
  while (address.ends_with('.')) address.pop_back();
  const auto dots = std::count(address.begin(), address.end(), '.');
  if (bits.empty() && dots < 3) bits = base::Cat("/", (dots + 1) * 8);
  for (auto i = dots; i < 3; ++i) address += ".0";
  return address + bits;
}

Networks ReadNetworks(const std::vector<std::string>& texts) {
  Networks networks;
  for (std::string_view text : texts) {
    const bool except = text.starts_with('!');
    if (except) text.remove_prefix(1);
    const absl::StatusOr<net::Prefix> prefix = net::Prefix::Parse(Completed(text));
    if (prefix.ok()) (except ? networks.out : networks.in).Add(*prefix);
  }
  // A machine trusts itself.
  for (const char* loopback : {"127.0.0.0/8", "::1"}) {
    const absl::StatusOr<net::Prefix> prefix = net::Prefix::Parse(loopback);
    if (prefix.ok()) networks.in.Add(*prefix);
  }
  return networks;
}

bool HasWord(std::string_view words, std::string_view word) {
  const std::vector<std::string_view> list = Words(words);
  return std::find(list.begin(), list.end(), word) != list.end();
}

// The number behind `key` in "maxhits=5".
std::optional<std::string_view> OptionOf(std::string_view words, std::string_view key) {
  for (const std::string_view word : Words(words)) {
    if (word.starts_with(key)) return word.substr(key.size());
  }
  return std::nullopt;
}

size_t SizeOf(std::string_view text, size_t otherwise) {
  const std::optional<double> number = NumberOf(text);
  return number && *number >= 0 && *number < 1e6 ? static_cast<size_t>(*number) : otherwise;
}

// "[if-unset: text]" at the end of a pattern: taken off and returned.
std::optional<std::string> TakeIfUnset(std::string_view& pattern) {
  const size_t at = pattern.rfind("[if-unset:");
  if (at == std::string_view::npos || !pattern.ends_with(']')) return std::nullopt;
  std::string text(Trim(pattern.substr(at + 10, pattern.size() - at - 11)));
  pattern = TrimRight(pattern.substr(0, at));
  return text;
}

// "field =~ pattern" in its three parts.
struct Comparison {
  std::string_view field;
  bool negated = false;
  std::string_view pattern;
};
std::optional<Comparison> ReadComparison(std::string_view text) {
  size_t at = std::string_view::npos;
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if ((text[i] == '=' || text[i] == '!') && text[i + 1] == '~') {
      at = i;
      break;
    }
  }
  if (at == std::string_view::npos) return std::nullopt;
  Comparison comparison{Trim(text.substr(0, at)), text[at] == '!', Trim(text.substr(at + 2))};
  if (comparison.field.ends_with(':')) comparison.field.remove_suffix(1);
  if (comparison.field.empty() || comparison.pattern.empty()) return std::nullopt;
  return comparison;
}

// Arguments of a call: quoted, or plain words.
std::optional<std::vector<std::string>> ReadArguments(std::string_view text) {
  std::vector<std::string> arguments;
  text = Trim(text);
  while (!text.empty()) {
    if (text[0] == '\'' || text[0] == '"') {
      // A quote ends where a comma or the end follows.
      size_t end = 1;
      for (;; ++end) {
        end = text.find(text[0], end);
        if (end == std::string_view::npos) return std::nullopt;
        const std::string_view rest = TrimLeft(text.substr(end + 1));
        if (rest.empty() || rest[0] == ',') break;
      }
      arguments.emplace_back(text.substr(1, end - 1));
      text = TrimLeft(text.substr(end + 1));
    } else {
      const size_t end = std::min(text.find(','), text.size());
      const std::string_view word = Trim(text.substr(0, end));
      if (word.empty() || !std::all_of(word.begin(), word.end(), [](char c) {
            return IsWord(c) || c == '.' || c == ':' || c == '-';
          }))
        return std::nullopt;
      arguments.emplace_back(word);
      text = text.substr(end);
    }
    if (text.starts_with(',')) text = TrimLeft(text.substr(1));
  }
  return arguments;
}

}  // namespace

RuleSetBuilder::RuleSetBuilder(Configuration configuration, const RuleSetOptions& options)
    : options_(options), set_(new RuleSet()) {
  set_->configuration_ = std::move(configuration);
  set_->time_ = options.time;
  set_->network_ = options.network;
}

std::shared_ptr<const RuleSet> RuleSetBuilder::Run() {
  ReadSettings();
  for (const auto& [name, definition] : set_->configuration_.rules) {
    index_.emplace(name, static_cast<unsigned>(set_->rules_.size()));
    set_->rules_.push_back(MakeRule(name, definition));
  }
  CompileMetas();
  OrderMetas();
  GroupRules();
  FindNeeds();
  return std::move(set_);
}

void RuleSetBuilder::ReadSettings() {
  Configuration& configuration = set_->configuration_;
  ReadingSettings& reading = set_->reading_;
  reading.domains = configuration.domains;
  reading.originating_ip_fields = configuration.originating_ip_fields;
  const auto sender = configuration.settings.find("envelope_sender_header");
  if (sender != configuration.settings.end()) reading.envelope_sender_field = sender->second;
  for (const std::string& literal : configuration.redirectors) {
    const auto parsed = regex::ParsePerlLiteral(literal);
    if (!parsed.ok()) continue;
    auto pattern = regex::Regex::Compile(parsed->pattern, parsed->flags);
    if (pattern.ok()) reading.redirectors.push_back(*std::move(pattern));
  }
  const auto together = [](std::vector<std::string> a, const std::vector<std::string>& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  auto trusted = together(configuration.trusted_networks, options_.trusted_networks);
  auto internal = together(configuration.internal_networks, options_.internal_networks);
  if (trusted.empty() && internal.empty()) return;
  if (trusted.empty()) trusted = internal;
  if (internal.empty()) internal = trusted;
  const auto make = [](const std::vector<std::string>& texts) {
    return [networks = std::make_shared<const Networks>(ReadNetworks(texts))](std::string_view ip) {
      return networks->Contains(ip);
    };
  };
  reading.trust = {
      .configured = true, .trusted = make(trusted), .internal = make(internal), .msa = nullptr};
  if (!configuration.msa_networks.empty()) reading.trust.msa = make(configuration.msa_networks);
}

RuleSet::Rule RuleSetBuilder::MakeRule(const std::string& name,
                                       const RuleDefinition& definition) const {
  const Configuration& configuration = set_->configuration_;
  Rule rule;
  rule.name = name;
  rule.hidden = name.starts_with("__");
  rule.kind = definition.kind;
  if (const auto found = configuration.descriptions.find(name);
      found != configuration.descriptions.end())
    rule.description = found->second;
  if (const auto found = configuration.flags.find(name); found != configuration.flags.end()) {
    const std::string_view words = found->second;
    RuleSet::Flags& flags = rule.flags;
    flags.multiple = HasWord(words, "multiple");
    flags.no_subject = HasWord(words, "nosubject");
    flags.concatenated = HasWord(words, "concat");
    flags.network = HasWord(words, "net");
    flags.learned = HasWord(words, "learn");
    if (const auto most = OptionOf(words, "maxhits=")) flags.most_hits = SizeOf(*most, 0);
    if (const auto range = OptionOf(words, "range=")) {
      const size_t dash = range->find('-');
      flags.first_part = SizeOf(range->substr(0, dash), 0);
      flags.last_part = dash == std::string_view::npos
                            ? flags.first_part
                            : SizeOf(range->substr(dash + 1), flags.last_part);
    }
  }
  SetScore(rule, options_.network);
  CompileRule(rule, definition);
  return rule;
}

void RuleSetBuilder::SetScore(Rule& rule, bool network) const {
  const Configuration& configuration = set_->configuration_;
  const auto score = configuration.scores.find(rule.name);
  if (score != configuration.scores.end()) {
    rule.score = score->second[(options_.bayes ? 2U : 0U) + (network ? 1U : 0U)];
    if (rule.score == 0) rule.why_not = "its score is 0";
    return;
  }
  rule.score = rule.name.starts_with("T_") ? 0.01 : 1;
  const auto flags = configuration.flags.find(rule.name);
  if (flags != configuration.flags.end() && HasWord(flags->second, "nice"))
    rule.score = -rule.score;
}

void RuleSetBuilder::CompileRule(Rule& rule, const RuleDefinition& definition) const {
  switch (definition.kind) {
    case RuleKind::kHeader:
      return CompileHeader(rule, definition.text);
    case RuleKind::kBody:
    case RuleKind::kRawBody:
    case RuleKind::kFull:
    case RuleKind::kUri:
      return CompilePattern(rule, definition.text);
    case RuleKind::kMimeHeader:
      return CompileMimeHeader(rule, definition.text);
    case RuleKind::kUriDetail:
      return CompileUriDetail(rule, definition.text);
    case RuleKind::kEval:
      return CompileCall(rule, definition.text);
    case RuleKind::kNetwork:
      return CompileAskDns(rule, definition.text);
    case RuleKind::kMeta:
      return;  // when all rules are known
  }
}

void RuleSetBuilder::CompilePattern(Rule& rule, std::string_view literal) const {
  const auto parsed = regex::ParsePerlLiteral(literal);
  if (!parsed.ok()) {
    rule.why_not = base::Cat("the pattern cannot be read: ", parsed.status().message());
    return;
  }
  if (parsed->pattern.find("%{") != std::string::npos) {
    rule.why_not = "waits for text that another rule captures, which is not handed on";
    return;
  }
  const Replacements& replacements = set_->configuration_.replacements;
  const std::string pattern = replacements.rules.count(rule.name) != 0
                                  ? WithTagsReplaced(parsed->pattern, replacements)
                                  : parsed->pattern;
  auto compiled = regex::Regex::Compile(pattern, parsed->flags);
  if (!compiled.ok()) {
    rule.why_not = base::Cat("the pattern cannot be compiled: ", compiled.status().message());
    return;
  }
  rule.pattern = *std::move(compiled);
}

void RuleSetBuilder::CompileHeader(Rule& rule, std::string_view text) const {
  if (text.starts_with("exists:")) {
    rule.exists = true;
    rule.field = text.substr(7);
    if (rule.field.ends_with(':')) rule.field.pop_back();
    return;
  }
  const std::optional<Comparison> comparison = ReadComparison(text);
  if (!comparison) {
    rule.why_not = "it is no comparison of a field with a pattern";
    return;
  }
  rule.field = comparison->field;
  rule.negated = comparison->negated;
  std::string_view pattern = comparison->pattern;
  rule.if_unset = TakeIfUnset(pattern);
  CompilePattern(rule, pattern);
}

void RuleSetBuilder::CompileMimeHeader(Rule& rule, std::string_view text) const {
  CompileHeader(rule, text);
  if (rule.exists) rule.why_not = "mimeheader compares; it does not ask for existence";
}

void RuleSetBuilder::CompileUriDetail(Rule& rule, std::string_view text) const {
  while (!(text = TrimLeft(text)).empty()) {
    const std::optional<Comparison> comparison = ReadComparison(text);
    if (!comparison) break;
    // The pattern ends at white space behind its modifiers: the shortest that can be read counts.
    std::string_view rest = comparison->pattern;
    bool found = false;
    for (size_t end = 2; end <= rest.size(); ++end) {
      if (end < rest.size() && !IsBlank(rest[end])) continue;
      const auto parsed = regex::ParsePerlLiteral(rest.substr(0, end));
      if (!parsed.ok()) continue;
      auto pattern = regex::Regex::Compile(parsed->pattern, parsed->flags);
      if (!pattern.ok()) continue;
      rule.criteria.push_back(
          {std::string(comparison->field), comparison->negated, *std::move(pattern)});
      text = rest.substr(end);
      found = true;
      break;
    }
    if (!found) break;
  }
  if (rule.criteria.empty() || !Trim(text).empty()) rule.why_not = "its criteria cannot be read";
}

void RuleSetBuilder::CompileCall(Rule& rule, std::string_view text) const {
  text = text.substr(std::min(text.find(' ') + 1, text.size()));  // the area says nothing to us
  const size_t open = text.find('(');
  const std::string_view name = Trim(text.substr(0, open));
  const std::string_view inside = open == std::string_view::npos
                                      ? std::string_view()
                                      : text.substr(open + 1, text.rfind(')') - open - 1);
  auto arguments = ReadArguments(inside);
  if (!arguments) {
    rule.why_not = "the arguments of its call cannot be read";
    return;
  }
  rule.arguments = *std::move(arguments);
  rule.function = FindEvalFunction(name);
  const bool about_sender =
      rule.function != nullptr && rule.function->need == EvalNeed::kAuthentication;
  if (about_sender && options_.authentication) {
    // Who sent it is known here without the network being asked by rules: the scores for that
    // count.
    rule.why_not.clear();
    SetScore(rule, true);
  }
  const bool asks_lists = rule.function != nullptr && rule.function->need == EvalNeed::kLists;
  if (asks_lists && !options_.network)
    rule.why_not =
        rule.why_not.empty() ? kListsOff : base::Cat(rule.why_not, " and it ", kListsOff);
  if (!rule.why_not.empty()) return;
  if (rule.function == nullptr) {
    const std::string_view why = WhyNotRun(name);
    rule.why_not =
        why.empty() ? base::Cat("there is no function ", name) : base::Cat(name, " ", why);
    return;
  }
  if (about_sender && !options_.authentication && rule.flags.network)
    rule.why_not = "nobody checks who sent the message";
  if (rule.flags.network && !about_sender && !asks_lists && !options_.network)
    rule.why_not = "asks the network, which rules here do not";
  if ((rule.flags.learned || rule.function->need == EvalNeed::kBayes) && !options_.bayes)
    rule.why_not = "there is no learned classifier";
  if (asks_lists) TakeListCall(rule, name);
  if (rule.function->pattern_argument < 0) return;
  const auto index = static_cast<size_t>(rule.function->pattern_argument);
  if (index >= rule.arguments.size()) return;
  auto pattern = regex::Regex::Compile(rule.arguments[index]);
  if (!pattern.ok()) {
    rule.why_not = base::Cat("the pattern cannot be compiled: ", pattern.status().message());
    return;
  }
  rule.pattern = *std::move(pattern);
}

std::string RuleSetBuilder::Expanded(std::string_view expression, std::string_view own_name) const {
  constexpr std::string_view kCall = "rules_matching(";
  std::string out;
  for (size_t at = 0;;) {
    const size_t call = expression.find(kCall, at);
    out += expression.substr(at, call == std::string_view::npos ? call : call - at);
    const size_t close = call == std::string_view::npos ? call : expression.find(')', call);
    if (close == std::string_view::npos) return out;
    const std::string_view glob =
        Trim(expression.substr(call + kCall.size(), close - call - kCall.size()));
    std::string sum = "0";
    for (const Rule& rule : set_->rules_) {
      if (rule.name != own_name && GlobMatches(glob, rule.name)) sum += "+" + rule.name;
    }
    out += base::Cat("(", sum, ")");
    at = close + 1;
  }
}

void RuleSetBuilder::CompileMetas() {
  // One value beyond the rules, always 0: what is asked for and not there.
  const auto nothing = static_cast<unsigned>(set_->rules_.size());
  for (Rule& rule : set_->rules_) {
    if (rule.kind != RuleKind::kMeta) continue;
    const std::string& text = set_->configuration_.rules.at(rule.name).text;
    const auto resolve = [&](std::string_view name,
                             std::string_view argument) -> absl::StatusOr<unsigned> {
      if (!argument.empty())
        return absl::InvalidArgumentError(base::AbslView(base::Cat("there is no function ", name)));
      if (name == "local_tests_only") return nothing + 1;
      const auto found = index_.find(std::string(name));
      return found == index_.end() ? nothing : found->second;
    };
    auto expression = Expression::Parse(Expanded(text, rule.name), resolve);
    if (!expression.ok()) {
      rule.why_not = base::Cat("the expression cannot be read: ", expression.status().message());
      continue;
    }
    rule.expression = *std::move(expression);
  }
}

}  // namespace cleanmail::scanner::spam
