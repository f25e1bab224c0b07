#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "libs/regex/prefilter.h"
#include "libs/regex/regex.h"
#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/mail_view.h"
#include "services/scanner/analyzers/spam/rules/configuration.h"
#include "services/scanner/analyzers/spam/rules/expression.h"

namespace cleanmail::scanner::spam {

// What is there beside the message, and how much a message may cost.
struct RuleSetOptions {
  bool bayes = false;           // a probability will be known: the scores for that are used
  bool authentication = false;  // so will be who sent the message
  bool network = false;         // rules may ask lists in the DNS: the scores for that are used
  std::vector<std::string> trusted_networks;                 // besides those the rules name
  std::vector<std::string> internal_networks;                // besides those the rules name
  std::chrono::milliseconds time = std::chrono::seconds(5);  // of one message
};

// Whether a rule runs, and why not.
struct RuleStatus {
  std::string name;
  std::string description;
  double score = 0;
  bool active = false;
  std::string reason;  // empty when active
};

// A rule that fired.
struct RuleHit {
  const std::string* name = nullptr;  // valid as long as the rule set
  const std::string* description = nullptr;
  double score = 0;
  double value = 1;  // how often
};

// What the rules say of a message.
struct RuleVerdict {
  std::vector<RuleHit> hits;         // visible rules, in the order of their names
  std::vector<RuleHit> hidden_hits;  // rules that only others ask for (`__NAME`), as far as tried
  double score = 0;
  std::vector<std::string> gave_up;  // rules that became too expensive
  bool out_of_time = false;          // rules behind were not tried
};

// Rules ready to run. Immutable; thread-safe.
class RuleSet {
 public:
  // Compiles a configuration: seconds for a large one. What cannot run is said by Status().
  static std::shared_ptr<const RuleSet> Build(Configuration configuration,
                                              const RuleSetOptions& options);

  // `all`: hidden rules are tried and told of even where no visible one depends on them.
  RuleVerdict Judge(std::string_view message, const MessageKnowledge& knowledge,
                    bool all = false) const;
  // The same of a message that was read before.
  RuleVerdict Judge(const MailView& mail, const MessageKnowledge& knowledge,
                    bool all = false) const;
  // A message as these rules read it. Neither outlives the other.
  MailView Read(std::string_view message, std::string_view client = {}) const {
    return MailView(message, reading_, client);
  }

  // Whether rules ask lists in the DNS.
  bool asks_lists() const { return network_; }
  // Has rules say what they want to know of lists: `knowledge.lookups` has questions then, until
  // all is answered. Call it again with every answer that leads to further questions.
  void AskLists(const MailView& mail, const MessageKnowledge& knowledge) const;

  std::vector<RuleStatus> Status() const;
  const std::vector<RuleProblem>& problems() const { return configuration_.problems; }
  const Configuration& configuration() const { return configuration_; }
  // Bytes of compiled patterns and databases.
  size_t pattern_bytes() const;

 private:
  friend class RuleSetBuilder;
  friend class Judgement;

  struct Flags {
    bool multiple = false;
    size_t most_hits = 0;
    bool no_subject = false;
    bool concatenated = false;
    bool network = false;
    bool learned = false;
    size_t first_part = 0;
    size_t last_part = 1000;
  };
  struct UriCriterion {
    std::string target;
    bool negated = false;
    regex::Regex pattern;
  };
  struct Rule {
    RuleKind kind = RuleKind::kHeader;
    bool hidden = false;    // only other rules ask for it
    bool filtered = false;  // a prefilter says where the pattern may match
    bool negated = false;
    bool exists = false;
    Flags flags;
    std::optional<regex::Regex> pattern;
    size_t group = 0;  // of kHeader: the field's in headers_
    std::optional<std::string> if_unset;
    std::optional<Expression> expression;  // of kMeta
    std::vector<unsigned> needs;  // of kMeta: it is 0 where one of these is, cheap ones first
    std::string name;
    std::string description;
    double score = 0;
    std::string why_not;                 // empty: it runs
    std::string field;                   // what kHeader and kMimeHeader look at
    std::vector<UriCriterion> criteria;  // of kUriDetail
    const EvalFunction* function = nullptr;
    std::vector<std::string> arguments;

    // How often its pattern matches is asked, not only whether.
    bool counts() const { return flags.multiple && !negated; }
    // It is nothing where the prefilter does not name it.
    bool silent_unnamed() const { return filtered && !negated && !exists && !if_unset; }
  };
  // Rules that look at the same text.
  struct Group {
    RuleKind kind = RuleKind::kHeader;
    std::string field;              // of header rules
    std::vector<unsigned> always;   // those to look at on every text
    std::vector<unsigned> later;    // those to try on every text when another rule asks
    regex::Prefilter prefilter;     // of all others; of header rules of a long field, all
    bool shared_prefilter = false;  // header_prefilter_ is used instead
  };

  RuleSet() = default;

  Configuration configuration_;
  ReadingSettings reading_;
  std::chrono::milliseconds time_{};
  bool network_ = false;
  std::vector<Rule> rules_;
  std::vector<Group> headers_;
  regex::Prefilter header_prefilter_;  // of the rules of all short fields
  Group body_;
  Group rawbody_;
  Group full_;
  Group uri_;
  std::vector<unsigned> others_;   // eval, mimeheader and uri_detail
  std::vector<unsigned> metas_;    // each behind those it depends on, a bounded way
  std::vector<unsigned> visible_;  // that no other rule has to ask for
};

}  // namespace cleanmail::scanner::spam
