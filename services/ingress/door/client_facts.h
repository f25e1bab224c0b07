#pragma once

#include <string>
#include <vector>

#include "libs/dns/resolver.h"
#include "libs/net/address.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::ingress {

// The question for an address's names: in in-addr.arpa or ip6.arpa (RFC 1035 §3.5, RFC 3596 §2.5).
dns::Question NamesOf(const net::IpAddress& address);

// Whether a client's name and address lead to each other (RFC 8601 §3): first AskNames with the
// answer to NamesOf, then Judge with the answers to what that wants.
class ForwardConfirmation {
 public:
  explicit ForwardConfirmation(const net::IpAddress& address) : address_(address) {}

  // Addresses of the names, at most 5 of them.
  std::vector<dns::Question> AskNames(const absl::StatusOr<dns::Answer>& names);
  // Into `facts`: client_name and iprev. `answers` in the order of the questions.
  void Judge(const std::vector<absl::StatusOr<dns::Answer>>& answers,
             mail::v1::DoorFacts& facts) const;

 private:
  const net::IpAddress address_;
  std::vector<std::string> names_;
  mail::v1::DoorFacts::Iprev without_names_ = mail::v1::DoorFacts::IPREV_NONE;
};

// What is odd about the name a client gives itself (RFC 5321 §4.1.1.1).
mail::v1::DoorFacts::Helo JudgeHelo(std::string_view helo, const net::IpAddress& client,
                                    std::string_view our_name);

}  // namespace cleanmail::ingress
