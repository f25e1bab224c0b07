#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "libs/dns/resolver.h"
#include "libs/net/address.h"
#include "proto/cleanmail/mail/v1/mail.pb.h"

namespace cleanmail::ingress {

// What one answer of a list means.
struct ListCode {
  std::string code;   // "127.0.0.2"; exact, since lists answer errors by other codes
  std::string label;  // for people: "SBL"
  double weight = 0;  // what it adds to the score; below zero on allow lists
};

// A list of addresses in the DNS (RFC 5782).
struct DnsList {
  std::string zone;  // "bl.example.org"
  std::vector<ListCode> codes;
};

// Asks lists about clients. A list that fails its own test (RFC 5782 §5) is not asked: one that
// lists everything would cost all mail. Thread-safe.
class DnsLists {
 public:
  DnsLists(std::vector<DnsList> lists, dns::Resolver& resolver);

  // What is to be asked about an address, in the order of the lists that work.
  struct Asked {
    size_t list;
    dns::Question question;
  };
  std::vector<Asked> QuestionsFor(const net::IpAddress& address) const;
  // The hit in an answer, if it is one.
  std::optional<mail::v1::ListHit> HitIn(size_t list,
                                         const absl::StatusOr<dns::Answer>& answer) const;

  // Tests every list: 127.0.0.2 must be on it and 127.0.0.1 must not. Blocks until `deadline` at
  // most; a list whose servers do not answer stays as it was. A sentence for each that is off.
  std::vector<std::string> Test(absl::Time deadline);
  // Those of the last test.
  int off() const;
  bool empty() const { return lists_.empty(); }

 private:
  dns::Resolver& resolver_;
  const std::vector<DnsList> lists_;
  const std::unique_ptr<std::atomic<bool>[]> off_;
};

}  // namespace cleanmail::ingress
