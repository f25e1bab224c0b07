#include <algorithm>
#include <set>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

using regex::CompiledIn;
using regex::Match;
using regex::Outcome;
using regex::Regex;

// Addresses at free mail providers in the text; nullopt when there are so many that it means
// nothing.
struct BodyAddresses {
  std::optional<std::set<std::string>> freemail;
};

bool IsFreemail(const std::string& address, const Configuration& configuration) {
  static const Regex generic = CompiledIn(
      "^(?:abuse|support|sales|info|helpdesk|contact|kontakt|(?:post|host|domain)master|"
      "undisclosed.*|"
      "request-[a-f0-9]{16}|bounced?-|[a-f0-9]{8}(?:\\.[a-f0-9]{8}|(?:-[a-f0-9]{4}){3}-[a-f0-9]{12}"
      ")|"
      ".+=.+=.+)@",
      {.ignore_case = true});
  const size_t at = address.rfind('@');
  if (at == std::string::npos || generic.Matches(address)) return false;
  const std::string domain = address.substr(at + 1);
  if (configuration.freemail_exceptions.count(address) != 0 ||
      configuration.freemail_exceptions.count(domain) != 0)
    return false;
  if (configuration.freemail_domains.count(domain) != 0) return true;
  return std::any_of(configuration.freemail_globs.begin(), configuration.freemail_globs.end(),
                     [&](const std::string& glob) { return GlobMatches(glob, domain); });
}

const Regex& AddressForm() {
  static const Regex form = CompiledIn(
      "(?=.{0,64}@)(?<![a-z0-9!#$%&'*+/=?^_`{|}~-])([a-z0-9!#$%&'*+/=?^_`{|}~-]+"
      "(?:\\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:[a-z0-9](?:[a-z0-9-]{0,59}[a-z0-9])?\\.){1,4}"
      "[a-z0-9-]+)(?![a-z0-9-]|\\.[a-z0-9])",
      {.ignore_case = true});
  return form;
}

// The next address at or behind `from`. Only what is near an at sign is searched.
Outcome FindAddress(std::string_view text, size_t from, Match* match) {
  constexpr size_t kLongestLocalPart = 64;  // as the pattern says
  for (size_t at = text.find('@', from); at != std::string_view::npos; at = text.find('@', from)) {
    size_t end = at + 1;
    while (end < text.size() &&
           (IsLetter(text[end]) || IsDigit(text[end]) || text[end] == '-' || text[end] == '.'))
      ++end;
    // What follows the name is in sight of the pattern, nothing else.
    const std::string_view near = text.substr(0, std::min(end + 1, text.size()));
    const size_t begin = std::max(from, at - std::min(at, kLongestLocalPart));
    if (const Outcome outcome = AddressForm().Find(near, begin, match);
        outcome != Outcome::kNoMatch)
      return outcome;
    from = at + 1;
  }
  return Outcome::kNoMatch;
}

void CollectFromText(const MailView& mail, std::vector<std::string>& all,
                     std::set<std::string>& seen) {
  static const Regex in_link =
      CompiledIn("<?https?://\\S{0,255}(?:@|%40)\\S{0,255}", {.ignore_case = true});
  // "name@example.org> wrote" and "name@example.org says:" quote others.
  static const Regex quoted = CompiledIn(
      "^(?:>|\\s{1,10}(?!(?:fa(?:x|csi)|tel|phone|e?-?mail))[a-z]{2,11}:)", {.ignore_case = true});
  for (std::string line : mail.body()) {
    if (line.find('@') == std::string::npos) continue;
    Match match;
    while (in_link.Find(line, 0, &match) == Outcome::kMatch)
      line.replace(match.groups[0].begin, match.groups[0].end - match.groups[0].begin, " ");
    for (size_t from = 0; FindAddress(line, from, &match) == Outcome::kMatch;
         from = match.groups[0].end) {
      const std::string address = Lower(match.Text(line, 1));
      const size_t begin = match.groups[1].begin;
      const std::string_view before = std::string_view(line).substr(0, begin);
      const bool link = EndsWith(before, "mailto:");
      if (!link && quoted.Matches(std::string_view(line).substr(match.groups[0].end))) continue;
      if (!mail.domains().IsValid(address.substr(address.rfind('@') + 1))) continue;
      if (seen.insert(address).second) all.push_back(address);
      if (all.size() >= 40) return;
    }
  }
}

BodyAddresses BodyAddressesOf(const MailView& mail, const Configuration& configuration) {
  std::vector<std::string> all;
  std::set<std::string> seen;
  for (const auto& [uri, detail] : mail.uri_details()) {
    if (detail.types.count("a") == 0 || detail.types.count("parsed") != 0 ||
        !BeginsWith(uri, "mailto:"))
      continue;
    Match match;
    const std::string_view rest = std::string_view(uri).substr(7);
    if (AddressForm().Find(rest, 0, &match) != Outcome::kMatch || match.groups[1].begin != 0)
      continue;
    const std::string address = Lower(match.Text(rest, 1));
    if (seen.insert(address).second) all.push_back(address);
    if (all.size() >= 20) break;
  }
  CollectFromText(mail, all, seen);
  constexpr size_t kMostAddresses = 5;
  constexpr size_t kMostFreemail = 3;
  if (all.size() >= kMostAddresses) return {};
  std::set<std::string> freemail;
  for (const std::string& address : all) {
    if (IsFreemail(address, configuration)) freemail.insert(address);
  }
  if (freemail.size() >= kMostFreemail) return {};
  return {std::move(freemail)};
}

const BodyAddresses& InBody(const EvalCall& call) {
  return call.mail.Remember<BodyAddresses>(
      [&](const MailView& mail) { return BodyAddressesOf(mail, call.configuration); });
}

bool Fits(const EvalCall& call, const std::string& address) {
  return IsFreemail(address, call.configuration) &&
         (call.pattern == nullptr || call.pattern->Matches(address));
}

std::vector<std::string> LowerAddresses(const MailView& mail, const std::string& request) {
  std::vector<std::string> found;
  for (const std::string& address : mail.Get(request)) found.push_back(Lower(address));
  return found;
}

double InHeader(const EvalCall& call) {
  const std::vector<std::string> addresses = LowerAddresses(call.mail, call.Text(0) + ":addr");
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const std::string& address) { return Fits(call, address); })
             ? 1
             : 0;
}

double InText(const EvalCall& call) {
  const BodyAddresses& body = InBody(call);
  if (!body.freemail) return 0;
  return std::any_of(body.freemail->begin(), body.freemail->end(),
                     [&](const std::string& address) {
                       return call.pattern == nullptr || call.pattern->Matches(address);
                     })
             ? 1
             : 0;
}

double InFrom(const EvalCall& call) {
  const std::vector<std::string>& addresses = call.mail.AllFromAddresses();
  return std::any_of(addresses.begin(), addresses.end(),
                     [&](const std::string& address) { return Fits(call, Lower(address)); })
             ? 1
             : 0;
}

double InReplyTo(const EvalCall& call) {
  static const Regex bulk = CompiledIn(
      "(?:^(?:post|host|domain)master|^double-bounce|^(?:sentto|owner|return|(?:gr)?bounced?)-.+|"
      "-(?:request|bounces?|admin|owner)|\\b(?:do[._\\-t]?)?no[._\\-t]?repl(?:y|ies)|.+=.+)@",
      {.ignore_case = true});
  const auto& envelope = call.mail.envelope_from();
  if (envelope && bulk.Matches(*envelope)) return 0;
  const std::vector<std::string> from = LowerAddresses(call.mail, "From:addr");
  const std::vector<std::string> reply = LowerAddresses(call.mail, "Reply-To:addr");
  const auto is_free = [&](const std::string& address) {
    return IsFreemail(address, call.configuration);
  };
  const bool from_free = std::any_of(from.begin(), from.end(), is_free);
  const bool reply_free = std::any_of(reply.begin(), reply.end(), is_free);
  const bool apart = std::none_of(from.begin(), from.end(), [&](const std::string& address) {
    return std::find(reply.begin(), reply.end(), address) != reply.end();
  });
  if (from_free && reply_free && apart) return 1;
  const bool replies_only = call.Text(0) != "reply";
  if (replies_only ? !reply_free : (!reply.empty() && !reply_free) || (reply.empty() && !from_free))
    return 0;
  const BodyAddresses& body = InBody(call);
  if (!body.freemail) return 0;
  const std::vector<std::string>& answers = replies_only || reply_free ? reply : from;
  for (const std::string& address : *body.freemail) {
    for (const std::string& answer : answers) {
      if (address != answer) return 1;
    }
  }
  return 0;
}

constexpr EvalFunction kFunctions[] = {
    {"check_freemail_header", InHeader, EvalNeed::kNothing, 1},
    {"check_freemail_body", InText, EvalNeed::kNothing, 0},
    {"check_freemail_from", InFrom, EvalNeed::kNothing, 0},
    {"check_freemail_replyto", InReplyTo},
};

}  // namespace

std::span<const EvalFunction> FreeMailFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
