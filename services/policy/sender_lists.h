#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "libs/net/prefix.h"
#include "proto/cleanmail/policy/v1/rules.pb.h"
#include "services/policy/rules/subject.h"

namespace cleanmail::policy {

// A recipient (or, for outgoing mail, the sender) as lists and policies know him.
struct Owner {
  std::string_view account;  // primary address, lower case
  std::string_view domain;   // his address's
};

// What a tenant's lists say of a message and an owner. Empty names: nothing.
struct ListAnswer {
  std::string block;
  std::string allow;
  // An entry that would allow, had the sender been authenticated or the client been in its
  // networks.
  std::string allow_unproven;
};

// The allow and block lists of one tenant, by sender. Not thread-safe while it changes.
class SenderLists {
 public:
  // Replaces an entry of the same name. One that cannot be read is left out.
  void Set(const v1::ListEntry& entry);
  void Remove(std::string_view name);
  bool empty() const { return by_name_.empty(); }
  // Whether any entry blocks.
  bool blocks() const { return blocks_ > 0; }

  // Of several entries the narrowest scope counts (user, domain, tenant), in one scope a block
  // before an allow. Before the scan nobody is authenticated: then a narrower allow, proven or not,
  // takes a block's force until the scan.
  ListAnswer Ask(const Subject& subject, const Owner& owner, absl::Time now) const;

 private:
  struct Entry {
    std::string name;
    std::string sender;  // as indexed
    std::string scope;
    bool allow = false;
    bool bound = false;  // to networks
    net::PrefixSet networks;
    absl::Time end = absl::InfiniteFuture();
  };
  struct Best;
  void AskFor(std::string_view address, const Subject& subject, const Owner& owner, absl::Time now,
              Best& best) const;

  // Shared by the two indexes only.
  std::map<std::string, std::shared_ptr<const Entry>, std::less<>> by_name_;
  std::unordered_map<std::string, std::vector<std::shared_ptr<const Entry>>> by_sender_;
  size_t blocks_ = 0;
};

// Checks an entry and brings sender and scope into normal form. InvalidArgument naming the field.
absl::Status Normalize(v1::ListEntry& entry);

}  // namespace cleanmail::policy
