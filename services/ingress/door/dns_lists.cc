#include "services/ingress/door/dns_lists.h"

#include <algorithm>

#include "absl/synchronization/notification.h"
#include "libs/base/cat.h"
#include "libs/dns/ask_all.h"
#include "libs/dns/list_name.h"

namespace cleanmail::ingress {
namespace {

// RFC 5782 §5: always listed, and never.
constexpr uint32_t kListed = 0x7F000002;
constexpr uint32_t kNotListed = 0x7F000001;

std::vector<absl::StatusOr<dns::Answer>> AskAndWait(dns::Resolver& resolver,
                                                    const std::vector<dns::Question>& questions,
                                                    absl::Time deadline) {
  std::vector<absl::StatusOr<dns::Answer>> answers;
  absl::Notification answered;
  dns::AskAll(resolver, questions, deadline, [&](std::vector<absl::StatusOr<dns::Answer>> all) {
    answers = std::move(all);
    answered.Notify();
  });
  answered.WaitForNotification();
  return answers;
}

}  // namespace

DnsLists::DnsLists(std::vector<DnsList> lists, dns::Resolver& resolver)
    : resolver_(resolver),
      lists_(std::move(lists)),
      off_(std::make_unique<std::atomic<bool>[]>(lists_.size())) {}

std::vector<DnsLists::Asked> DnsLists::QuestionsFor(const net::IpAddress& address) const {
  std::vector<Asked> asked;
  for (size_t i = 0; i < lists_.size(); ++i) {
    if (off_[i].load()) continue;
    asked.push_back(
        {.list = i,
         .question = {.name = dns::ListName(address, lists_[i].zone), .type = dns::Type::kA}});
  }
  return asked;
}

std::optional<mail::v1::ListHit> DnsLists::HitIn(size_t list,
                                                 const absl::StatusOr<dns::Answer>& answer) const {
  if (!answer.ok()) return std::nullopt;
  for (const ListCode& code : lists_[list].codes) {
    if (std::ranges::find(answer->addresses, code.code) == answer->addresses.end()) continue;
    mail::v1::ListHit hit;
    hit.set_list(lists_[list].zone);
    hit.set_code(code.code);
    hit.set_label(code.label);
    hit.set_weight(code.weight);
    return hit;
  }
  return std::nullopt;
}

std::vector<std::string> DnsLists::Test(absl::Time deadline) {
  std::vector<dns::Question> questions;
  for (const DnsList& list : lists_) {
    for (const uint32_t address : {kListed, kNotListed})
      questions.push_back({.name = dns::ListName(net::IpAddress::V4(address), list.zone)});
  }
  const auto answers = AskAndWait(resolver_, questions, deadline);
  std::vector<std::string> sentences;
  for (size_t i = 0; i < lists_.size(); ++i) {
    const auto& listed = answers[2 * i];
    const auto& not_listed = answers[2 * i + 1];
    if (not_listed.ok()) {
      off_[i] = true;
      sentences.push_back(base::Cat(lists_[i].zone,
                                    " lists 127.0.0.1, which no list may (RFC 5782): it would hit "
                                    "everybody and is not asked; ask its operator, or take it out "
                                    "of ingress.dns_lists"));
    } else if (absl::IsNotFound(listed.status())) {
      off_[i] = true;
      sentences.push_back(base::Cat(lists_[i].zone,
                                    " does not list 127.0.0.2, which every list must (RFC 5782): "
                                    "it does not exist, or does not answer this resolver, and is "
                                    "not asked"));
    } else if (listed.ok() && absl::IsNotFound(not_listed.status())) {
      off_[i] = false;
    }
  }
  return sentences;
}

int DnsLists::off() const {
  int count = 0;
  for (size_t i = 0; i < lists_.size(); ++i) count += off_[i].load() ? 1 : 0;
  return count;
}

}  // namespace cleanmail::ingress
