#include "services/scanner/analyzers/links/links.h"

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "libs/base/cat.h"
#include "libs/mail/address/public_suffix.h"
#include "libs/mail/auth/dmarc/author.h"
#include "services/scanner/analyzers/links/target.h"
#include "services/scanner/analyzers/links/tricks.h"
#include "services/scanner/findings/catalogue.h"

namespace cleanmail::scanner {
namespace {

using mail::html::Form;
using mail::html::Link;

constexpr size_t kMostLinks = 5000;
constexpr size_t kTextLookedAt = 1 << 20;
// A host most links go through, in a mail one can unsubscribe from, counts clicks.
constexpr size_t kLinksOfATracker = 3;

bool IsClicked(const Link& link) {
  return link.what == Link::What::kAnchor || link.what == Link::What::kArea ||
         link.what == Link::What::kForm || link.what == Link::What::kRefresh;
}

std::string Registrable(const std::string& host) {
  std::string found = mail::address::PublicSuffixes::Builtin().RegistrableDomain(host);
  return found.empty() ? host : found;
}

// A form's fields a person types into.
bool AsksForText(const Form& form) {
  return std::ranges::any_of(form.inputs, [](const Form::Input& input) {
    return input.type == "text" || input.type == "email" || input.type == "tel" ||
           input.type == "textarea" || input.type == "number";
  });
}

// What one message's links say.
class Look {
 public:
  Look(const ParsedMessage& message, std::string_view analyzer)
      : message_(message), analyzer_(analyzer) {}

  Findings Run() && {
    for (const ParsedPage& page : message_.pages()) {
      for (const Link& link : page.page.links) {
        if (IsClicked(link)) Take(link.target, link.what == Link::What::kAnchor ? link.text : "");
      }
      for (const Form& form : page.page.forms) TakeForm(form);
    }
    for (const std::string& link : message_.picture_links) Take(link, "");
    for (const mail::mime::Content& one : message_.contents.list) {
      if (one.type == "text/plain") TakePlain(std::string_view(one.bytes).substr(0, kTextLookedAt));
    }
    for (const Shown& shown : differing_) JudgeDiffering(shown);
    return std::move(findings_);
  }

 private:
  struct Shown {
    std::string host;    // what is shown
    std::string target;  // host of the target
  };

  void Once(FindingId id, std::string_view evidence) {
    if (said_.insert(id).second) findings_.push_back(MakeFinding(id, evidence, analyzer_));
  }

  void Take(const std::string& link, std::string_view text) {
    if (seen_.size() >= kMostLinks) return;
    const bool known = !seen_.insert(link).second;
    if (known && text.empty()) return;
    const auto target = ReadTarget(link);
    if (!target.has_value()) return;
    if (!known) {
      for (const Trick& trick : FindTricks(*target)) Once(trick.id, trick.evidence);
    }
    if (target->host.empty()) return;
    const std::string registrable = Registrable(target->host);
    ++uses_[registrable];
    ++all_uses_;
    const auto shown = ShownHost(text);
    if (shown.has_value() && Registrable(*shown) != registrable)
      differing_.push_back({.host = *shown, .target = target->host});
  }

  // What is shown is one host, what is meant another. Mailings count clicks this way: where most
  // links go through one host and one can unsubscribe, it is only noted.
  void JudgeDiffering(const Shown& shown) {
    const bool mailing = message_.header.Find("List-Unsubscribe") != nullptr;
    const std::string registrable = Registrable(shown.target);
    const size_t uses = uses_[registrable];
    const bool tracker = mailing && uses >= kLinksOfATracker && 2 * uses >= all_uses_;
    const bool own = std::ranges::find(Authors(), registrable) != Authors().end();
    Once(tracker || own ? FindingId::kLinkCounted : FindingId::kLinkTextDiffers,
         base::Cat(shown.host, " is shown, ", shown.target, " is meant"));
  }

  void TakeForm(const Form& form) {
    const auto target = ReadTarget(form.action);
    const std::string host = target.has_value() ? target->host : std::string();
    if (form.password)
      Once(FindingId::kFormAsksPassword, host.empty() ? "a form without a host" : host);
    const bool foreign =
        !host.empty() && std::ranges::find(Authors(), Registrable(host)) == Authors().end();
    if (foreign && (form.password || AsksForText(form))) Once(FindingId::kFormPostsElsewhere, host);
  }

  void TakePlain(std::string_view text) {
    for (size_t at = text.find("://"); at != text.npos; at = text.find("://", at + 3)) {
      size_t begin = at;
      while (begin > 0 && at - begin < 6 && (text[begin - 1] | 0x20) >= 'a' &&
             (text[begin - 1] | 0x20) <= 'z')
        --begin;
      const size_t end = std::min(text.find_first_of(" \t\r\n<>\"'", at), text.size());
      std::string_view link = text.substr(begin, end - begin);
      while (!link.empty() && std::string_view(").,;:!?]").find(link.back()) != link.npos)
        link.remove_suffix(1);
      if (link.starts_with("http") || link.starts_with("HTTP")) Take(std::string(link), "");
    }
  }

  // Registrable domains in From.
  const std::vector<std::string>& Authors() {
    if (!authors_.has_value()) {
      authors_.emplace();
      for (const std::string& domain : mail::auth::dmarc::ReadAuthor(message_.header).domains)
        authors_->push_back(Registrable(domain));
    }
    return *authors_;
  }

  const ParsedMessage& message_;
  const std::string_view analyzer_;
  Findings findings_;
  std::set<FindingId> said_;
  std::set<std::string> seen_;
  std::vector<Shown> differing_;
  std::map<std::string, size_t> uses_;  // links by registrable domain
  size_t all_uses_ = 0;
  std::optional<std::vector<std::string>> authors_;
};

}  // namespace

absl::StatusOr<Findings> Links::Analyze(const ParsedMessage& message) {
  return Look(message, name()).Run();
}

}  // namespace cleanmail::scanner
