#include "services/egress/delivery/changes.h"

namespace cleanmail::egress {
namespace {

constexpr char kNote[] =
    "The attachment that was here has been removed by a rule of your organisation.";

}  // namespace

std::vector<mail::mime::Change> ChangesOf(const std::vector<mail::v1::Action>& actions) {
  using mail::v1::Action;
  std::vector<mail::mime::Change> changes;
  for (const Action& action : actions) {
    switch (action.kind_case()) {
      case Action::kTagSubject:
        changes.emplace_back(mail::mime::SubjectTag{action.tag_subject()});
        break;
      case Action::kAddHeader:
        changes.emplace_back(mail::mime::NewField{.name = action.add_header().name(),
                                                  .value = action.add_header().value()});
        break;
      case Action::kBanner:
        changes.emplace_back(mail::mime::BannerText{.text = action.banner().text(),
                                                    .html = action.banner().html(),
                                                    .at_end = action.banner().at_end()});
        break;
      case Action::kStripAttachments: {
        const mail::v1::StripAttachments& strip = action.strip_attachments();
        changes.emplace_back(
            mail::mime::RemovedParts{.numbers = {strip.parts().begin(), strip.parts().end()},
                                     .note = strip.note().empty() ? kNote : strip.note()});
        break;
      }
      case Action::kAuthenticationResults:
        changes.emplace_back(mail::mime::NewField{.name = "Authentication-Results",
                                                  .value = action.authentication_results(),
                                                  .as_is = true});
        break;
      case Action::kCopyTo:
      case Action::kNotify:
      case Action::KIND_NOT_SET:
        break;
    }
  }
  return changes;
}

}  // namespace cleanmail::egress
