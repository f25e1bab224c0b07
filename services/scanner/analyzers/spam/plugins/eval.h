#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "libs/mail/auth/lookups.h"
#include "libs/regex/regex.h"
#include "services/scanner/analyzers/spam/reading/mail_view.h"
#include "services/scanner/analyzers/spam/rules/configuration.h"

namespace cleanmail::scanner::spam {

// Who sent a message, as libs/mail/auth found. Names in lower case.
struct SenderFacts {
  std::string spf;       // RFC 7208 result: "pass", "softfail" …; empty: not asked
  std::string helo_spf;  // the same for the HELO name
  bool dkim_signed = false;
  std::vector<std::string> dkim_valid_domains;  // of signatures that verified
  bool arc_signed = false;
  bool arc_valid = false;
  // "pass", "none" (and "missing", where no policy is published), "quarantine", "reject"; empty:
  // not asked.
  std::string dmarc;
};

// What is known of a message beside its bytes. nullopt: not known; the rules that ask do not fire.
struct MessageKnowledge {
  std::optional<SenderFacts> authentication;
  std::optional<double> bayes;  // probability of spam
  std::string sender;           // as SMTP gave it; empty: what the header tells
  // What the DNS said of the lists that rules ask; null: they are not asked.
  mail::auth::Lookups* lookups = nullptr;
};

// One call of an eval function.
struct EvalCall {
  std::string_view rule;  // its name
  const MailView& mail;
  const Configuration& configuration;
  const MessageKnowledge& knowledge;
  const std::vector<std::string>& arguments;
  const regex::Regex* pattern;  // the argument that is one, compiled

  // An argument as a number, `otherwise` where it is missing or none.
  double Number(size_t index, double otherwise) const;
  // An argument, empty where it is missing.
  const std::string& Text(size_t index) const;
};

// What an eval function needs that may be missing.
enum class EvalNeed { kNothing, kAuthentication, kBayes, kLists };

// A function rules may call. It returns how often it hit, 0: not at all.
struct EvalFunction {
  std::string_view name;
  double (*run)(const EvalCall& call);
  EvalNeed need = EvalNeed::kNothing;
  int pattern_argument = -1;  // index of the argument that is a pattern
};

// nullptr for a function that is not there.
const EvalFunction* FindEvalFunction(std::string_view name);

// Why a function we know of cannot run; empty for one nobody knows.
std::string_view WhyNotRun(std::string_view name);

// The functions, a plugin each.
std::span<const EvalFunction> AskDnsFunctions();
std::span<const EvalFunction> AuthenticationFunctions();
std::span<const EvalFunction> BodyFunctions();
std::span<const EvalFunction> DnsListFunctions();
std::span<const EvalFunction> FreeMailFunctions();
std::span<const EvalFunction> HeaderFunctions();
std::span<const EvalFunction> ForgeryFunctions();
std::span<const EvalFunction> HtmlFunctions();
std::span<const EvalFunction> ImageFunctions();
std::span<const EvalFunction> LinkListFunctions();
std::span<const EvalFunction> ListFunctions();
std::span<const EvalFunction> MimeFunctions();
std::span<const EvalFunction> RelayFunctions();
std::span<const EvalFunction> UriFunctions();

// Whether `text` (lower case) is what a list's glob with * and ? means.
bool GlobMatches(std::string_view glob, std::string_view text);
bool IsListed(const std::vector<ListedAddress>& list, std::string_view address);

}  // namespace cleanmail::scanner::spam
