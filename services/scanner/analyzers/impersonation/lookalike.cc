#include "services/scanner/analyzers/impersonation/lookalike.h"

#include <algorithm>
#include <array>

#include "libs/base/cat.h"
#include "libs/mail/address/public_suffix.h"
#include "libs/mail/address/shown_domain.h"
#include "services/scanner/analyzers/impersonation/names.h"

namespace cleanmail::scanner {
namespace {

constexpr size_t kShortest = 4;
constexpr size_t kShortestForALetter = 5;

// What is put beside a name to make it look like a part of the company.
constexpr std::array<std::string_view, 40> kWords = {
    "secure",   "security", "login",  "signin",  "account", "accounts", "support", "service",
    "services", "mail",     "email",  "webmail", "online",  "portal",   "group",   "team",
    "help",     "helpdesk", "it",     "hr",      "invoice", "billing",  "pay",     "payment",
    "payroll",  "verify",   "update", "cloud",   "office",  "web",      "corp",    "inc",
    "ltd",      "gmbh",     "ag",     "global",  "int",     "hq",       "my",      "the"};

std::string LabelOf(const std::string& registrable) {
  return mail::address::ShownDomain(registrable.substr(0, registrable.find('.')));
}

std::string RegistrableOf(const std::string& domain) {
  std::string found = mail::address::PublicSuffixes::Builtin().RegistrableDomain(domain);
  return found.empty() ? domain : found;
}

std::string WithoutHyphens(std::string text) {
  std::erase(text, '-');
  return text;
}

// "acme-support", "secureacme", "pay-acme-online".
bool HasFurtherWords(std::string_view label, std::string_view name) {
  for (size_t begin = 0; begin <= label.size();) {
    const size_t end = std::min(label.find('-', begin), label.size());
    if (label.substr(begin, end - begin) == name) return true;
    begin = end + 1;
  }
  return std::ranges::any_of(kWords, [&](std::string_view word) {
    return label.size() == name.size() + word.size() &&
           ((label.starts_with(name) && label.ends_with(word)) ||
            (label.starts_with(word) && label.ends_with(name)));
  });
}

}  // namespace

GuardedDomain::GuardedDomain(std::string name)
    : domain(std::move(name)),
      registrable(RegistrableOf(domain)),
      label(LabelOf(registrable)),
      looks(LooksOf(label)) {}

bool OneLetterApart(std::string_view a, std::string_view b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  size_t same = 0;
  while (same < a.size() && a[same] == b[same]) ++same;
  a.remove_prefix(same);
  b.remove_prefix(same);
  if (a.size() < b.size()) return a == b.substr(1);
  if (a.empty()) return false;
  if (a.substr(1) == b.substr(1)) return true;
  return a.size() > 1 && a[0] == b[1] && a[1] == b[0] && a.substr(2) == b.substr(2);
}

Likeness Resembles(std::string_view domain, const GuardedDomain& guarded) {
  if (base::Cat(".", domain).find(base::Cat(".", guarded.domain, ".")) != std::string::npos)
    return Likeness::kLookalike;  // acme.example.evil.example
  const std::string registrable = RegistrableOf(std::string(domain));
  if (registrable == guarded.registrable || guarded.label.size() < kShortest)
    return Likeness::kNone;
  const std::string label = LabelOf(registrable);
  if (label == guarded.label) return Likeness::kSimilar;
  if (LooksOf(label) == guarded.looks || WithoutHyphens(label) == WithoutHyphens(guarded.label))
    return Likeness::kLookalike;
  if (guarded.label.size() >= kShortestForALetter && OneLetterApart(label, guarded.label))
    return Likeness::kLookalike;
  return HasFurtherWords(label, guarded.label) ? Likeness::kSimilar : Likeness::kNone;
}

}  // namespace cleanmail::scanner
