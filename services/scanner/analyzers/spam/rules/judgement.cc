#include <algorithm>
#include <set>
#include <utility>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/rules/rule_set.h"

namespace cleanmail::scanner::spam {

// One message before one rule set.
class Judgement {
 public:
  using Clock = std::chrono::steady_clock;

  Judgement(const RuleSet& set, const MailView& mail, const MessageKnowledge& knowledge, bool all)
      : set_(set),
        all_(all),
        mail_(mail),
        knowledge_(knowledge),
        deadline_(Clock::now() + set.time_),
        values_(set.rules_.size() + 2, 0),
        waiting_(set.rules_.size() + 2, nullptr) {
    values_[set.rules_.size() + 1] = set.network_ ? 0 : 1;  // local_tests_only
  }

  RuleVerdict Run() {
    for (const RuleSet::Group& group : set_.headers_) Header(group);
    for (const RuleSet::Group* group : {&set_.body_, &set_.uri_, &set_.rawbody_, &set_.full_})
      Texts(*group);
    for (const unsigned index : set_.others_) {
      if (!InTime()) break;
      Other(index);
    }
    for (const unsigned index : set_.metas_) waiting_[index] = &kAsksOthers;
    for (const unsigned index : set_.metas_) {
      if (all_ || !set_.rules_[index].name.starts_with("__")) ValueOf(index);
    }
    return Verdict();
  }

 private:
  using Rule = RuleSet::Rule;

  // What a rule that waits asks for: others, rather than texts.
  static inline const RuleSet::Group kAsksOthers = {};

  // What a rule came to. One that waits is tried now; those it asks for are asked in turn, as far
  // down as the builder lets rules depend on each other.
  double ValueOf(unsigned index) {
    const RuleSet::Group* const group = std::exchange(waiting_[index], nullptr);
    if (group == &kAsksOthers) {
      Set(index, set_.rules_[index].expression->Evaluate(
                     [this](unsigned input) { return ValueOf(input); }));
    } else if (group != nullptr) {
      size_t number = 0;
      for (const std::string_view text : TextsOf(*group)) TryOn(index, text, number++);
    }
    return values_[index];
  }

  std::vector<std::string_view> TextsOf(const RuleSet::Group& group) {
    if (&group == &set_.full_) return {mail_.tree().pristine()};
    const std::vector<std::string>& texts = &group == &set_.body_  ? mail_.body()
                                            : &group == &set_.uri_ ? mail_.uris()
                                                                   : mail_.rawbody();
    return {texts.begin(), texts.end()};
  }

  bool InTime() {
    verdict_.out_of_time = verdict_.out_of_time || Clock::now() > deadline_;
    return !verdict_.out_of_time;
  }

  // A rule hit `value` times; less than nothing counts as once.
  void Set(unsigned index, double value) {
    if (value != 0) values_[index] += value > 0 ? value : 1;
  }

  void GiveUp(unsigned index) { gave_up_.insert(index); }

  // How often a rule's pattern is in `text`.
  double Search(unsigned index, std::string_view text) {
    const Rule& rule = set_.rules_[index];
    if (gave_up_.count(index) != 0) return 0;
    bool gave_up = false;
    double hits = 0;
    if (rule.flags.multiple && !rule.negated) {
      const double so_far = values_[index];
      const auto most = static_cast<double>(rule.flags.most_hits);
      if (most > 0 && so_far >= most) return 0;
      hits = static_cast<double>(
          rule.pattern->Count(text, most > 0 ? static_cast<size_t>(most - so_far) : 0, gave_up));
    } else {
      const regex::Outcome outcome = rule.pattern->Find(text);
      gave_up = outcome == regex::Outcome::kGaveUp;
      hits = outcome == regex::Outcome::kMatch ? 1 : 0;
    }
    if (gave_up) GiveUp(index);
    return hits;
  }

  // The rules of a group that may match `text`.
  const std::vector<unsigned>& Candidates(const RuleSet::Group& group, std::string_view text) {
    if (group.prefilter == nullptr) return group.rules;
    candidates_ = group.prefilter->unfiltered();
    group.prefilter->Scan(text, candidates_);
    return candidates_;
  }

  void TryOn(unsigned index, std::string_view text, size_t number) {
    const Rule& rule = set_.rules_[index];
    if (values_[index] != 0 && !rule.flags.multiple) return;
    if (number == 0 && rule.flags.no_subject) return;
    if (InTime()) Set(index, Search(index, text));
  }

  void Texts(const RuleSet::Group& group) {
    for (const unsigned index : group.later) waiting_[index] = &group;
    size_t number = 0;
    for (const std::string_view text : TextsOf(group)) {
      if (!InTime()) return;
      for (const unsigned index : Candidates(group, text)) {
        if (waiting_[index] == nullptr) TryOn(index, text, number);
      }
      ++number;
    }
    for (const unsigned index : group.later) {
      if (all_) ValueOf(index);
    }
  }

  void Header(const RuleSet::Group& group) {
    if (!InTime()) return;
    const std::vector<std::string>& values = mail_.Get(group.field);
    std::string text;
    for (size_t i = 0; i < values.size(); ++i) {
      if (i > 0 && !values[0].ends_with('\n')) text += '\n';
      text += values[i];
    }
    std::set<unsigned> candidates;
    if (group.prefilter != nullptr) {
      const std::vector<unsigned>& found = Candidates(group, text);
      candidates.insert(found.begin(), found.end());
    }
    for (const unsigned index : group.rules) {
      const Rule& rule = set_.rules_[index];
      if (rule.exists) {
        Set(index, values.empty() ? 0 : 1);
        continue;
      }
      const bool unset = values.empty() && rule.if_unset.has_value();
      const bool possible = unset || group.prefilter == nullptr || candidates.count(index) != 0;
      const double hits = possible ? Search(index, unset ? *rule.if_unset : text) : 0;
      if (!rule.negated) {
        Set(index, hits);
      } else if (hits == 0 && gave_up_.count(index) == 0) {
        Set(index, 1);
      }
    }
  }

  void Other(unsigned index) {
    const Rule& rule = set_.rules_[index];
    if (rule.kind == RuleKind::kMimeHeader) {
      MimeHeader(index);
    } else if (rule.kind == RuleKind::kUriDetail) {
      UriDetailRule(index);
    } else {
      const EvalCall call{.rule = rule.name,
                          .mail = mail_,
                          .configuration = set_.configuration_,
                          .knowledge = knowledge_,
                          .arguments = rule.arguments,
                          .pattern = rule.pattern ? &*rule.pattern : nullptr};
      Set(index, rule.function->run(call));
    }
  }

  static std::string FieldOf(const Part& part, std::string_view field) {
    const bool raw = field.ends_with(":raw");
    if (raw) field.remove_suffix(4);
    std::string text;
    if (field == "ALL") {
      for (const Fields::Field& one : part.header.list())
        text += one.name + ": " + (raw ? one.raw : one.value + "\n");
      return text;
    }
    const std::vector<const Fields::Field*> found = part.header.All(field);
    if (found.empty()) return "";
    return raw ? found.back()->raw : found.back()->value + "\n";
  }

  void MimeHeader(unsigned index) {
    const Rule& rule = set_.rules_[index];
    std::string all;
    double hits = 0;
    size_t number = 0;
    for (const Part* part : mail_.tree().AllParts()) {
      if (++number > rule.flags.last_part) break;
      if (number < rule.flags.first_part) continue;
      std::string value = FieldOf(*part, rule.field);
      if (value.empty() && rule.if_unset) value = *rule.if_unset;
      if (rule.flags.concatenated) {
        all += value;
        if (!value.ends_with('\n')) all += '\n';
        continue;
      }
      hits += Search(index, value);
      if (hits > 0) break;
    }
    if (rule.flags.concatenated) hits = Search(index, all);
    Set(index, rule.negated ? (hits == 0 ? 1 : 0) : hits);
  }

  static bool Satisfies(const RuleSet::UriCriterion& criterion, const std::string& text) {
    return criterion.pattern.Matches(text) != criterion.negated;
  }

  template <class Texts>
  static bool AnySatisfies(const RuleSet::UriCriterion& criterion, const Texts& texts) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const std::string& text) { return Satisfies(criterion, text); });
  }

  static bool Fits(const RuleSet::UriCriterion& criterion, const std::string& raw,
                   const UriDetail& detail) {
    if (criterion.target == "raw") return Satisfies(criterion, raw);
    if (criterion.target == "type") return AnySatisfies(criterion, detail.types);
    if (criterion.target == "cleaned") return AnySatisfies(criterion, detail.cleaned);
    if (criterion.target == "text") return AnySatisfies(criterion, detail.anchor_texts);
    if (criterion.target == "domain") return AnySatisfies(criterion, detail.domains);
    return std::any_of(detail.hosts.begin(), detail.hosts.end(),
                       [&](const auto& host) { return Satisfies(criterion, host.first); });
  }

  void UriDetailRule(unsigned index) {
    const Rule& rule = set_.rules_[index];
    const UriDetails& details = mail_.uri_details();
    const bool hit = std::any_of(details.begin(), details.end(), [&](const auto& entry) {
      return std::all_of(rule.criteria.begin(), rule.criteria.end(),
                         [&](const RuleSet::UriCriterion& criterion) {
                           return Fits(criterion, entry.first, entry.second);
                         });
    });
    Set(index, hit ? 1 : 0);
  }

  RuleVerdict Verdict() {
    for (unsigned i = 0; i < set_.rules_.size(); ++i) {
      const Rule& rule = set_.rules_[i];
      if (values_[i] == 0 || !rule.why_not.empty()) continue;
      const bool hidden = rule.name.starts_with("__");
      (hidden ? verdict_.hidden_hits : verdict_.hits)
          .push_back({&rule.name, &rule.description, rule.score, values_[i]});
      if (!hidden) verdict_.score += rule.score;
    }
    for (const unsigned index : gave_up_) verdict_.gave_up.push_back(set_.rules_[index].name);
    return std::move(verdict_);
  }

  const RuleSet& set_;
  const bool all_;
  const MailView& mail_;
  const MessageKnowledge& knowledge_;
  const Clock::time_point deadline_;
  std::vector<double> values_;
  std::vector<const RuleSet::Group*> waiting_;  // of rules that wait to be asked for
  std::vector<unsigned> candidates_;
  std::set<unsigned> gave_up_;
  RuleVerdict verdict_;
};

RuleVerdict RuleSet::Judge(std::string_view message, const MessageKnowledge& knowledge,
                           bool all) const {
  return Judge(Read(message), knowledge, all);
}

RuleVerdict RuleSet::Judge(const MailView& mail, const MessageKnowledge& knowledge,
                           bool all) const {
  return Judgement(*this, mail, knowledge, all).Run();
}

}  // namespace cleanmail::scanner::spam
