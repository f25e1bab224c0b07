#include "services/policy/sender_lists.h"

#include <algorithm>

#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/mailbox.h"
#include "libs/mail/address/utf8.h"
#include "services/policy/rules/pattern.h"

namespace cleanmail::policy {
namespace {

constexpr int kMostNetworks = 50;
constexpr size_t kLongestComment = 500;

// 0 user, 1 domain, 2 tenant; 3: not his.
int RankOf(std::string_view scope, const Owner& owner) {
  if (scope.empty()) return 2;
  if (scope == owner.account) return 0;
  return scope == owner.domain || scope == DomainOf(owner.account) ? 1 : 3;
}

absl::Time TimeOf(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace

absl::Status Normalize(v1::ListEntry& entry) {
  if (entry.kind() != v1::ListEntry::KIND_ALLOW && entry.kind() != v1::ListEntry::KIND_BLOCK)
    return absl::InvalidArgumentError("list_entry.kind: KIND_ALLOW or KIND_BLOCK is needed");
  const absl::StatusOr<AddressPattern> sender = AddressPattern::Parse(entry.sender());
  if (!sender.ok()) return base::Annotate(sender.status(), "list_entry.sender");
  if (sender->is_glob() || sender->normal() == "<>")
    return absl::InvalidArgumentError(
        "list_entry.sender: an address, a domain or *.domain is needed");
  entry.set_sender(sender->normal());
  if (!entry.scope().empty()) {
    if (entry.scope().find('@') != std::string::npos) {
      const auto mailbox = mail::address::ParseMailbox(entry.scope());
      if (!mailbox.ok()) return base::Annotate(mailbox.status(), "list_entry.scope");
      entry.set_scope(Lower(ToText(*mailbox)));
    } else {
      const auto domain = mail::address::NormalizeDomain(entry.scope());
      if (!domain.ok()) return base::Annotate(domain.status(), "list_entry.scope");
      entry.set_scope(*domain);
    }
  }
  if (entry.networks_size() > kMostNetworks)
    return absl::InvalidArgumentError(base::Cat("list_entry.networks: more than ", kMostNetworks));
  for (int i = 0; i < entry.networks_size(); ++i) {
    CLEANMAIL_RETURN_IF_ERROR(base::Annotate(net::Prefix::Parse(entry.networks(i)).status(),
                                             base::Cat("list_entry.networks[", i, "]")));
  }
  if (entry.comment().size() > kLongestComment || !mail::address::IsPrintableUtf8(entry.comment()))
    return absl::InvalidArgumentError(base::Cat("list_entry.comment: at most ", kLongestComment,
                                                " bytes of UTF-8 without control characters"));
  constexpr int64_t kYear9999 = 253'402'300'799;
  if (entry.has_expire_time() &&
      (entry.expire_time().seconds() < 0 || entry.expire_time().seconds() > kYear9999))
    return absl::InvalidArgumentError("list_entry.expire_time: not a time");
  return absl::OkStatus();
}

void SenderLists::Set(const v1::ListEntry& source) {
  Remove(source.name());
  auto entry = std::make_shared<Entry>();
  entry->name = source.name();
  entry->sender = source.sender();
  entry->scope = source.scope();
  entry->allow = source.kind() == v1::ListEntry::KIND_ALLOW;
  entry->bound = !source.networks().empty();
  for (const std::string& network : source.networks()) {
    const absl::StatusOr<net::Prefix> prefix = net::Prefix::Parse(network);
    if (prefix.ok()) entry->networks.Add(*prefix);
  }
  if (source.has_expire_time()) entry->end = TimeOf(source.expire_time());
  if (!entry->allow) ++blocks_;
  by_sender_[entry->sender].push_back(entry);
  by_name_.emplace(entry->name, std::move(entry));
}

void SenderLists::Remove(std::string_view name) {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return;
  if (!found->second->allow) --blocks_;
  const auto same_sender = by_sender_.find(found->second->sender);
  std::erase(same_sender->second, found->second);
  if (same_sender->second.empty()) by_sender_.erase(same_sender);
  by_name_.erase(found);
}

// The best of each kind so far.
struct SenderLists::Best {
  const Entry* block = nullptr;
  const Entry* allow = nullptr;
  const Entry* unproven = nullptr;
  int block_rank = 3;
  int allow_rank = 3;
  int unproven_rank = 3;
};

void SenderLists::AskFor(std::string_view address, const Subject& subject, const Owner& owner,
                         absl::Time now, Best& best) const {
  const std::string_view domain = DomainOf(address);
  if (domain.empty()) return;
  const auto consider = [&](const std::string& key) {
    const auto found = by_sender_.find(key);
    if (found == by_sender_.end()) return;
    for (const std::shared_ptr<const Entry>& entry : found->second) {
      const int rank = RankOf(entry->scope, owner);
      if (rank == 3 || entry->end <= now) continue;
      const bool inside = entry->bound && subject.client().has_value() &&
                          entry->networks.Contains(*subject.client());
      const auto keep = [&](const Entry*& kept, int& kept_rank) {
        if (rank >= kept_rank) return;
        kept = entry.get();
        kept_rank = rank;
      };
      if (!entry->allow) {
        if (!entry->bound || inside) keep(best.block, best.block_rank);
      } else if (entry->bound ? inside : subject.AuthenticatedFor(domain)) {
        keep(best.allow, best.allow_rank);
      } else {
        keep(best.unproven, best.unproven_rank);
      }
    }
  };
  consider(std::string(address));
  consider(std::string(domain));
  for (size_t dot = domain.find('.'); dot != std::string_view::npos;
       dot = domain.find('.', dot + 1)) {
    consider(base::Cat("*", domain.substr(dot)));
  }
}

ListAnswer SenderLists::Ask(const Subject& subject, const Owner& owner, absl::Time now) const {
  ListAnswer answer;
  if (by_name_.empty()) return answer;
  Best best;
  AskFor(subject.sender(), subject, owner, now, best);
  if (subject.stage() != Stage::kEnvelope && subject.from_address() != subject.sender())
    AskFor(subject.from_address(), subject, owner, now, best);
  const bool early = subject.stage() != Stage::kScanned;
  const int strongest = early ? std::min(best.allow_rank, best.unproven_rank) : best.allow_rank;
  if (best.block != nullptr && best.block_rank <= strongest) {
    answer.block = best.block->name;
  } else if (best.allow != nullptr) {
    answer.allow = best.allow->name;
  }
  if (best.unproven != nullptr) answer.allow_unproven = best.unproven->name;
  return answer;
}

}  // namespace cleanmail::policy
