// Questions to the DNS whose names are put together from what a message says (AskDNS).
#include <algorithm>
#include <set>

#include "services/scanner/analyzers/spam/plugins/list_answers.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

using Values = std::vector<std::string>;

constexpr size_t kMostNames = 8;  // of one rule

std::string DomainOf(const std::string& address) {
  const size_t at = address.rfind('@');
  return at == std::string::npos ? "" : Lower(Trim(address.substr(at + 1)));
}

Values Registered(const EvalCall& call, const Values& addresses) {
  Values domains;
  for (const std::string& address : addresses)
    domains.push_back(call.mail.domains().Trimmed(DomainOf(address)));
  return domains;
}

// The latest relay that is not our own.
const Relay* LastExternal(const EvalCall& call) {
  const Relays& relays = call.mail.relays();
  for (const auto* const list : {&relays.trusted, &relays.untrusted}) {
    for (const Relay& relay : *list) {
      if (!relay.internal && !IsPrivateIp(relay.ip)) return &relay;
    }
  }
  return nullptr;
}

Values OfRelay(std::string_view tag, const Relay& relay) {
  if (tag == "LASTEXTERNALIP") return {relay.ip};
  if (tag == "LASTEXTERNALHELO") return {relay.helo};
  if (tag == "LASTEXTERNALRDNS") return {relay.rdns};
  const std::optional<std::string> reversed = NameInLists(relay.ip);
  return reversed ? Values{*reversed} : Values{};
}

// What a tag stands for; nothing: nobody knows.
Values ValuesOf(const EvalCall& call, std::string_view tag) {
  constexpr std::string_view kHeader = "HEADER(";
  if (tag == "AUTHORDOMAIN") return Registered(call, call.mail.AllFromAddresses());
  if (tag == "SENDERDOMAIN") {
    const std::string& sender = call.knowledge.sender;
    return Registered(call, {sender.empty() ? call.mail.GetText("EnvelopeFrom:addr") : sender});
  }
  if (tag == "DKIMDOMAIN") {
    const auto& sender = call.knowledge.authentication;
    return sender.has_value() ? sender->dkim_valid_domains : Values{};
  }
  if (tag.starts_with("LASTEXTERNAL")) {
    const Relay* const relay = LastExternal(call);
    return relay == nullptr ? Values{} : OfRelay(tag, *relay);
  }
  if (tag.starts_with(kHeader) && tag.ends_with(')')) {
    tag.remove_prefix(kHeader.size());
    tag.remove_suffix(1);
    return {std::string(Trim(call.mail.GetText(std::string(tag))))};
  }
  return {};
}

bool IsTag(std::string_view text) {
  if (text.starts_with("HEADER(")) return text.ends_with(')');
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
}

// A template with its tags (`_NAME_`) replaced by what they stand for, in every combination.
std::set<std::string> NamesOf(const EvalCall& call, std::string_view text) {
  std::set<std::string> names = {""};
  const auto append = [&names](const Values& values) {
    std::set<std::string> longer;
    for (const std::string& name : names) {
      for (const std::string& value : values) {
        if (!value.empty() && longer.size() < kMostNames) longer.insert(name + value);
      }
    }
    names = std::move(longer);
  };
  while (!text.empty()) {
    const size_t begin = text.find('_');
    if (begin == std::string_view::npos) {
      append({std::string(text)});
      break;
    }
    if (begin > 0) append({std::string(text.substr(0, begin))});
    text.remove_prefix(begin + 1);
    const std::string_view tag = text.substr(0, text.find('_'));
    if (tag.size() < text.size() && IsTag(tag)) {
      append(ValuesOf(call, tag));
      text.remove_prefix(tag.size() + 1);
    } else {
      append({"_"});
    }
  }
  return names;
}

bool Counts(const EvalCall& call, const std::string& filter, const std::string& answer) {
  if (filter.empty()) return true;
  if (call.pattern != nullptr) return call.pattern->Matches(answer);
  const std::optional<uint32_t> code = Ipv4Number(answer);
  const std::optional<CodeTest> test = CodeTest::Read(filter);
  return filter == answer || (test && code && test->Counts(*code));
}

// Arguments: template, record type, filter.
double AskDns(const EvalCall& call) {
  const std::string& type = call.Text(1);
  bool hit = false;
  for (const std::string& name : NamesOf(call, call.Text(0))) {
    const std::optional<std::string> normal = NameInLists(name);
    if (!normal || IsIpAddress(name)) continue;
    const dns::Answer* const answer =
        AskAbout(call, *normal, type == "TXT" ? dns::Type::kTxt : dns::Type::kA);
    if (answer == nullptr) continue;
    for (const auto* const values : {&answer->texts, &answer->addresses}) {
      for (const std::string& value : *values) hit = hit || Counts(call, call.Text(2), value);
    }
  }
  return hit ? 1 : 0;
}

constexpr EvalFunction kFunctions[] = {{"askdns", AskDns, EvalNeed::kLists}};

}  // namespace

std::span<const EvalFunction> AskDnsFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
