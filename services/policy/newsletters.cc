#include "services/policy/newsletters.h"

#include <algorithm>
#include <set>

#include "libs/base/cat.h"
#include "libs/base/text.h"

namespace cleanmail::policy {
namespace {

constexpr std::string_view kTag = "[PUB]";
constexpr std::string_view kCategoryField = "X-Cleanmail-Category";

// Value of `tag` in a DKIM-Signature (RFC 6376 §3.2), without white space; empty without it.
// `field` is in lower case.
std::string TagOf(std::string_view field, std::string_view tag) {
  while (!field.empty()) {
    const size_t end = std::min(field.find(';'), field.size());
    std::string part(field.substr(0, end));
    std::erase_if(part, [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; });
    field.remove_prefix(std::min(end + 1, field.size()));
    if (part.starts_with(tag) && part.size() > tag.size() && part[tag.size()] == '=')
      return part.substr(tag.size() + 1);
  }
  return {};
}

bool NamesSubject(const std::string& list) {
  return base::Cat(":", list, ":").find(":subject:") != std::string::npos;
}

// Domains whose valid signatures cover the subject.
std::set<std::string> SignersOfSubject(const Subject& subject) {
  std::set<std::string> signers;
  if (subject.facts() == nullptr) return signers;
  for (const mail::v1::AuthenticationResult& said : subject.facts()->authentication()) {
    if (said.method() != "dkim" || said.result() != "pass") continue;
    bool covers = true;  // nearly all do; where the field was not kept, that is assumed
    for (const Subject::Field& field : subject.FieldsNamed("dkim-signature")) {
      if (TagOf(field.value, "d") == said.domain()) covers = NamesSubject(TagOf(field.value, "h"));
      if (covers) break;
    }
    if (covers) signers.insert(said.domain());
  }
  return signers;
}

std::string Consequence(const Subject& subject) {
  std::string signers;
  for (const std::string& domain : SignersOfSubject(subject))
    signers += base::Cat(signers.empty() ? "" : ", ", base::Printable(domain, 100));
  if (signers.empty()) return " No signature covered the subject.";
  return base::Cat(" The subject was signed: DKIM of ", signers, " will not verify any more.");
}

}  // namespace

void MarkNewsletter(const Subject& subject, const v1::PolicySettings& settings,
                    std::string_view policy, Outcome& outcome) {
  if (subject.direction() != mail::v1::DIRECTION_INBOUND || subject.facts() == nullptr ||
      subject.facts()->category() != mail::v1::MESSAGE_CATEGORY_NEWSLETTER ||
      outcome.disposition == mail::v1::DISPOSITION_KIND_DISCARD ||
      settings.newsletter_mark() == v1::PolicySettings::NEWSLETTER_MARK_NONE)
    return;
  mail::v1::Action action;
  action.set_rule(base::Cat(policy, "/newsletter"));
  if (settings.newsletter_mark() == v1::PolicySettings::NEWSLETTER_MARK_HEADER) {
    action.mutable_add_header()->set_name(std::string(kCategoryField));
    action.mutable_add_header()->set_value("newsletter");
    outcome.reason += " A newsletter: said in a header field, signatures stay whole.";
  } else {
    const std::string tag =
        settings.newsletter_tag().empty() ? std::string(kTag) : settings.newsletter_tag();
    const bool there = std::ranges::any_of(outcome.actions, [&](const mail::v1::Action& other) {
      return other.has_tag_subject() && other.tag_subject() == tag;
    });
    if (there) return;
    outcome.reason += base::Cat(" A newsletter: its subject gets the tag ",
                                base::Printable(tag, 100), ".", Consequence(subject));
    action.set_tag_subject(tag);
  }
  outcome.actions.push_back(std::move(action));
}

}  // namespace cleanmail::policy
