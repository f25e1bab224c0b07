#include "services/scanner/analyzers/spam/plugins/eval.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>

#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

using Registry = std::map<std::string_view, const EvalFunction*>;

const Registry& AllFunctions() {
  static const Registry registry = [] {
    Registry functions;
    for (const auto& plugin :
         {AskDnsFunctions(), AuthenticationFunctions(), BodyFunctions(), DnsListFunctions(),
          FreeMailFunctions(), HeaderFunctions(), ForgeryFunctions(), HtmlFunctions(),
          ImageFunctions(), LinkListFunctions(), ListFunctions(), MimeFunctions(), RelayFunctions(),
          UriFunctions()}) {
      for (const EvalFunction& function : plugin) functions.emplace(function.name, &function);
    }
    return functions;
  }();
  return registry;
}

constexpr std::string_view kNeedsNetwork = "asks the network, which rules here do not";
constexpr std::array<std::pair<std::string_view, std::string_view>, 21> kNotRun = {{
    {"check_rbl_accreditor", "asks accreditors that are no more"},
    {"check_rbl_ns_from", kNeedsNetwork},
    {"check_hashbl_bodyre", kNeedsNetwork},
    {"check_hashbl_emails", kNeedsNetwork},
    {"check_razor2", "asks the Razor service"},
    {"check_razor2_range", "asks the Razor service"},
    {"check_pyzor", "asks the Pyzor service"},
    {"check_dcc", "asks the DCC service"},
    {"check_dcc_reputation_range", "asks the DCC service"},
    {"check_senders_reputation", "needs a store of senders' scores"},
    {"check_from_in_auto_welcomelist", "needs a store of senders' scores"},
    {"check_from_in_auto_whitelist", "needs a store of senders' scores"},
    {"check_language", "guesses the language (TextCat), which is not built in"},
    {"check_access_database", "reads an access database, which is not built in"},
    {"check_microsoft_executable",
     "is for a plugin that is gone; the scanner looks at attachments"},
    {"check_suspect_name", "is for a plugin that is gone; the scanner looks at attachments"},
    {"check_shortcircuit", "ends a scan early, which is not done here"},
    {"short_url", "asks the network, which rules here do not"},
    {"short_url_chained", "asks the network, which rules here do not"},
    {"check_asn", kNeedsNetwork},
    {"check_fromname_spoof",
     "is for the FromNameSpoof plugin; the scanner looks for impersonation"},
}};

}  // namespace

double EvalCall::Number(size_t index, double otherwise) const {
  if (index >= arguments.size()) return otherwise;
  return NumberOf(arguments[index]).value_or(otherwise);
}

const std::string& EvalCall::Text(size_t index) const {
  static const std::string empty;
  return index < arguments.size() ? arguments[index] : empty;
}

const EvalFunction* FindEvalFunction(std::string_view name) {
  const auto found = AllFunctions().find(name);
  return found == AllFunctions().end() ? nullptr : found->second;
}

std::string_view WhyNotRun(std::string_view name) {
  const auto* found = std::find_if(kNotRun.begin(), kNotRun.end(),
                                   [&](const auto& entry) { return entry.first == name; });
  return found == kNotRun.end() ? std::string_view() : found->second;
}

bool GlobMatches(std::string_view glob, std::string_view text) {
  size_t at = 0;
  size_t star = std::string_view::npos;
  size_t retry = 0;
  size_t pattern = 0;
  while (at < text.size()) {
    if (pattern < glob.size() && (glob[pattern] == '?' || glob[pattern] == text[at])) {
      ++pattern;
      ++at;
    } else if (pattern < glob.size() && glob[pattern] == '*') {
      star = pattern++;
      retry = at;
    } else if (star != std::string_view::npos) {
      pattern = star + 1;
      at = ++retry;
    } else {
      return false;
    }
  }
  while (pattern < glob.size() && glob[pattern] == '*') ++pattern;
  return pattern == glob.size();
}

bool IsListed(const std::vector<ListedAddress>& list, std::string_view address) {
  const std::string lower = Lower(address);
  return std::any_of(list.begin(), list.end(), [&](const ListedAddress& entry) {
    // Most differ in their last letter.
    const char last = entry.glob.empty() ? '*' : entry.glob.back();
    if (last != '*' && last != '?' && !lower.ends_with(last)) return false;
    return GlobMatches(entry.glob, lower);
  });
}

}  // namespace cleanmail::scanner::spam
