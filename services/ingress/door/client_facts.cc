#include "services/ingress/door/client_facts.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/dns/list_name.h"
#include "libs/mail/address/domain.h"
#include "services/ingress/door/dns_lists.h"

namespace cleanmail::ingress {
namespace {

using mail::v1::DoorFacts;

constexpr size_t kMostNames = 5;

}  // namespace

dns::Question NamesOf(const net::IpAddress& address) {
  return {.name = dns::ListName(address, address.is_v4() ? "in-addr.arpa" : "ip6.arpa"),
          .type = dns::Type::kPtr};
}

std::vector<dns::Question> ForwardConfirmation::AskNames(const absl::StatusOr<dns::Answer>& names) {
  if (!names.ok()) {
    if (!absl::IsNotFound(names.status())) without_names_ = DoorFacts::IPREV_TEMPERROR;
    return {};
  }
  std::vector<dns::Question> questions;
  for (const std::string& name : names->names) {
    if (names_.size() == kMostNames) break;
    names_.push_back(name);
    questions.push_back(
        {.name = name, .type = address_.is_v4() ? dns::Type::kA : dns::Type::kAaaa});
  }
  return questions;
}

void ForwardConfirmation::Judge(const std::vector<absl::StatusOr<dns::Answer>>& answers,
                                DoorFacts& facts) const {
  facts.set_iprev(names_.empty() ? without_names_ : DoorFacts::IPREV_FAIL);
  if (!names_.empty()) facts.set_client_name(names_.front());
  const std::string own = address_.ToString();
  for (size_t i = 0; i < answers.size(); ++i) {
    if (!answers[i].ok()) {
      if (!absl::IsNotFound(answers[i].status()) && facts.iprev() == DoorFacts::IPREV_FAIL)
        facts.set_iprev(DoorFacts::IPREV_TEMPERROR);
      continue;
    }
    const bool leads_back = std::ranges::any_of(answers[i]->addresses, [&](const auto& text) {
      const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(text);
      return address.ok() && *address == address_;
    });
    if (!leads_back) continue;
    facts.set_iprev(DoorFacts::IPREV_PASS);
    facts.set_client_name(names_[i]);
    return;
  }
}

DoorFacts::Helo JudgeHelo(std::string_view helo, const net::IpAddress& client,
                          std::string_view our_name) {
  if (helo.starts_with('[')) {
    const auto literal = mail::address::NormalizeAddressLiteral(helo);
    if (!literal.ok()) return DoorFacts::HELO_NO_NAME;
    std::string_view text = *literal;
    text = text.substr(1, text.size() - 2);
    if (text.size() > 5 && (text.starts_with("IPv6:") || text.starts_with("ipv6:")))
      text.remove_prefix(5);
    const absl::StatusOr<net::IpAddress> address = net::IpAddress::Parse(text);
    return address.ok() && *address == client ? DoorFacts::HELO_LITERAL
                                              : DoorFacts::HELO_WRONG_LITERAL;
  }
  if (net::IpAddress::Parse(helo).ok()) return DoorFacts::HELO_BARE_ADDRESS;
  const auto name = mail::address::NormalizeDomain(helo);
  if (!name.ok()) return DoorFacts::HELO_NO_NAME;
  if (*name == our_name) return DoorFacts::HELO_OURS;
  if (name->find('.') == std::string::npos) return DoorFacts::HELO_NOT_QUALIFIED;
  return DoorFacts::HELO_NAME;
}

}  // namespace cleanmail::ingress
