#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/dns/resolver.h"

namespace cleanmail::dns {

// Asks the network, by libunbound. One thread of its own, on which it calls back.
class UnboundResolver final : public Resolver {
 public:
  struct Options {
    std::vector<std::string>
        forwarders;  // `address` or `address@port`; empty: those of /etc/resolv.conf
    std::string trust_anchor_file = {};  // DNSSEC is validated from here; empty: not at all
    // Records in master-file form ("host.example. 300 IN A 192.0.2.1") that are answered from here
    // before any server is asked.
    std::vector<std::string> records = {};
    bool records_only = false;     // no server is asked: what is not in `records` does not exist
    size_t most_questions = 2000;  // at once; more are answered Unavailable
    absl::Duration timeout =
        absl::InfiniteDuration();  // of one question, where its deadline is later
  };
  // InvalidArgument names the forwarder, record or file that is wrong.
  static absl::StatusOr<std::unique_ptr<UnboundResolver>> Create(Options options);
  // Answers what is still asked with Unavailable.
  ~UnboundResolver() override;

  void Lookup(const Question& question, absl::Time deadline,
              absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) override;

 private:
  struct State;
  explicit UnboundResolver(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace cleanmail::dns
