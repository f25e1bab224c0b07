#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/rules/rule_set.h"

namespace cleanmail::scanner::spam {

// One message before one rule set. Rules that only others ask for are tried when they are asked
// for, and only on texts that may have what they look for.
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
        waits_(set.rules_.size() + 2, Wait::kNot),
        places_(set.rules_.size()),
        fields_(set.headers_.size()) {
    values_[set.rules_.size() + 1] = set.network_ ? 0 : 1;  // local_tests_only
  }

  RuleVerdict Run() {
    for (size_t i = 0; i < set_.headers_.size(); ++i) Header(i);
    for (const RuleSet::Group* group : {&set_.body_, &set_.uri_, &set_.rawbody_, &set_.full_})
      Texts(*group);
    for (const unsigned index : set_.others_) {
      if (set_.rules_[index].hidden) {
        waits_[index] = Wait::kOther;
      } else if (InTime()) {
        Other(index);
      }
    }
    Metas();
    for (const unsigned index : set_.visible_) ValueOf(index);
    for (unsigned index = 0; all_ && index < set_.rules_.size(); ++index) ValueOf(index);
    return Verdict();
  }

 private:
  using Rule = RuleSet::Rule;

  static constexpr size_t kMostNoted = 1 << 20;
  static constexpr unsigned kPerLook = 8;

  // What a rule that was not tried yet looks at.
  enum class Wait : uint8_t { kNot, kField, kAllTexts, kSomeTexts, kOther, kMeta };

  // Where in a text a rule may match, and the next such place.
  struct Place {
    uint32_t text = 0;
    uint32_t next = 0;
    regex::Stretch begin;
  };
  struct Places {
    uint32_t first = 0;  // in noted_, from 1 on; 0: none
    uint32_t last = 0;
  };

  // What a rule came to. One that waits is tried now; those it asks for are asked in turn, as far
  // down as the builder lets rules depend on each other.
  double ValueOf(unsigned index) {
    if (waits_[index] == Wait::kNot || (waits_[index] == Wait::kMeta && Decided(index)))
      return values_[index];
    switch (std::exchange(waits_[index], Wait::kNot)) {
      case Wait::kField:
        DecideField(index);
        break;
      case Wait::kAllTexts: {
        const RuleKind kind = set_.rules_[index].kind;
        for (size_t i = 0; i < TextCount(kind); ++i) TryOn(index, TextAt(kind, i), i);
        break;
      }
      case Wait::kSomeTexts:
        for (uint32_t at = places_[index].first; at != 0; at = noted_[at - 1].next) {
          const Place& place = noted_[at - 1];
          TryOn(index, TextAt(set_.rules_[index].kind, place.text), place.text, place.begin);
        }
        break;
      case Wait::kOther:
        if (InTime()) Other(index);
        break;
      default:
        DecideMeta(index);
    }
    return values_[index];
  }

  void DecideMeta(unsigned index) {
    const Rule& rule = set_.rules_[index];
    for (const unsigned input : rule.needs) {
      if (ValueOf(input) == 0) return;
    }
    Set(index, rule.expression->Evaluate([this](unsigned input) { return ValueOf(input); }));
  }

  bool IsKnown(unsigned index) const { return waits_[index] == Wait::kNot; }

  // Whether a meta rule is decided by what is known already; it is so from then on. Most are: they
  // need something that did not fire.
  bool Decided(unsigned index) {
    const Rule& rule = set_.rules_[index];
    const bool lacks = std::any_of(rule.needs.begin(), rule.needs.end(), [this](unsigned input) {
      return IsKnown(input) && values_[input] == 0;
    });
    const double value = lacks ? 0 : rule.expression->Evaluate([this](unsigned input) {
      return IsKnown(input) ? values_[input] : Expression::kUnknown;
    });
    if (!Expression::IsKnown(value)) return false;
    waits_[index] = Wait::kNot;
    Set(index, value);
    return true;
  }

  // Rules about rules, as far as what they ask for is known.
  void Metas() {
    for (const unsigned index : set_.metas_) {
      waits_[index] = Wait::kMeta;
      Decided(index);
    }
  }

  size_t TextCount(RuleKind kind) const {
    switch (kind) {
      case RuleKind::kBody:
        return mail_.body().size();
      case RuleKind::kUri:
        return mail_.uris().size();
      case RuleKind::kRawBody:
        return mail_.rawbody().size();
      default:
        return 1;
    }
  }
  std::string_view TextAt(RuleKind kind, size_t number) const {
    switch (kind) {
      case RuleKind::kBody:
        return mail_.body()[number];
      case RuleKind::kUri:
        return mail_.uris()[number];
      case RuleKind::kRawBody:
        return mail_.rawbody()[number];
      default:
        return mail_.tree().pristine();
    }
  }

  // The clock is looked at now and then.
  bool InTime() {
    if (asked_for_time_++ % kPerLook == 0)
      verdict_.out_of_time = verdict_.out_of_time || Clock::now() > deadline_;
    return !verdict_.out_of_time;
  }

  // A rule hit `value` times; less than nothing counts as once.
  void Set(unsigned index, double value) {
    if (value != 0) values_[index] += value > 0 ? value : 1;
  }

  void GiveUp(unsigned index) { gave_up_.insert(index); }

  // How often a rule's pattern is in `text`, of what begins within `begin`; at most once where the
  // rule does not count. Where it does, `begin` is moved behind what was counted.
  double Search(unsigned index, std::string_view text, regex::Stretch& begin) {
    const Rule& rule = set_.rules_[index];
    if (gave_up_.count(index) != 0) return 0;
    bool gave_up = false;
    double hits = 0;
    if (rule.counts()) {
      const double so_far = values_[index];
      const auto most = static_cast<double>(rule.flags.most_hits);
      if (most > 0 && so_far >= most) return 0;
      const regex::Counted counted =
          rule.pattern->Count(text, most > 0 ? static_cast<size_t>(most - so_far) : 0, begin);
      hits = static_cast<double>(counted.count);
      gave_up = counted.gave_up;
      begin.first = counted.end;
    } else {
      const regex::Outcome outcome = rule.pattern->FindWithin(text, begin);
      gave_up = outcome == regex::Outcome::kGaveUp;
      hits = outcome == regex::Outcome::kMatch ? 1 : 0;
    }
    if (gave_up) GiveUp(index);
    return hits;
  }
  double Search(unsigned index, std::string_view text) {
    regex::Stretch all;
    return Search(index, text, all);
  }

  // Tries a rule on a text, where its matches begin within `begin`. Of a text and a rule one
  // stretch comes behind the other: what was counted is not counted again.
  void TryOn(unsigned index, std::string_view text, size_t number, regex::Stretch begin = {}) {
    const Rule& rule = set_.rules_[index];
    if (values_[index] != 0 && !rule.flags.multiple) return;
    if (number == 0 && rule.flags.no_subject) return;
    if (!InTime()) return;
    if (counted_.rule == index && counted_.text == number)
      begin.first = std::max(begin.first, counted_.end);
    Set(index, Search(index, text, begin));
    counted_ = {.rule = index, .text = number, .end = rule.counts() ? begin.first : 0};
  }

  void Texts(const RuleSet::Group& group) {
    for (const unsigned index : group.later) waits_[index] = Wait::kAllTexts;
    for (size_t i = 0; i < TextCount(group.kind) && InTime(); ++i) {
      const std::string_view text = TextAt(group.kind, i);
      for (const unsigned index : group.always) TryOn(index, text, i);
      candidates_.clear();
      group.prefilter.Scan(text, candidates_);
      for (const auto& [index, begin] : candidates_) {
        if (set_.rules_[index].hidden) {
          Note(index, i, begin);
        } else {
          TryOn(index, text, i, begin);
        }
      }
    }
  }

  // A rule may match in a text; whoever asks for the rule has it tried. Where there would be too
  // much to note, it is tried on all.
  void Note(unsigned index, size_t text, regex::Stretch begin) {
    if (noted_.size() >= kMostNoted) waits_[index] = Wait::kAllTexts;
    if (waits_[index] == Wait::kAllTexts) return;
    noted_.push_back({.text = static_cast<uint32_t>(text), .begin = begin});
    const auto here = static_cast<uint32_t>(noted_.size());
    Places& places = places_[index];
    (places.first == 0 ? places.first : noted_[places.last - 1].next) = here;
    places.last = here;
    waits_[index] = Wait::kSomeTexts;
  }

  // All values of a field as one text.
  struct FieldText {
    std::string text;
    bool there = false;
  };
  const FieldText& FieldOf(size_t group) {
    std::optional<FieldText>& field = fields_[group];
    if (field) return *field;
    const std::vector<std::string>& values = mail_.Get(set_.headers_[group].field);
    field = FieldText{.text = values.empty() ? "" : values[0], .there = !values.empty()};
    for (size_t i = 1; i < values.size(); ++i) {
      if (!values[0].ends_with('\n')) field->text += '\n';
      field->text += values[i];
    }
    return *field;
  }

  void Header(size_t number) {
    if (!InTime()) return;
    const RuleSet::Group& group = set_.headers_[number];
    const auto& [text, there] = FieldOf(number);
    named_.clear();
    if (!text.empty()) {
      candidates_.clear();
      (group.shared_prefilter ? set_.header_prefilter_ : group.prefilter).Scan(text, candidates_);
      for (const auto& [index, begin] : candidates_) {
        if (set_.rules_[index].group == number && (named_.empty() || named_.back() != index))
          named_.push_back(index);
      }
    }
    for (const unsigned index : named_) {
      if (set_.rules_[index].silent_unnamed()) LookAtField(index);
    }
    for (const unsigned index : group.always) {
      const Rule& rule = set_.rules_[index];
      if (rule.exists) {
        Set(index, there ? 1 : 0);
      } else if (rule.filtered && (there || !rule.if_unset) &&
                 !std::binary_search(named_.begin(), named_.end(), index)) {
        Set(index, rule.negated ? 1 : 0);
      } else {
        LookAtField(index);
      }
    }
  }

  void LookAtField(unsigned index) {
    if (set_.rules_[index].hidden) {
      waits_[index] = Wait::kField;
    } else {
      DecideField(index);
    }
  }

  void DecideField(unsigned index) {
    const Rule& rule = set_.rules_[index];
    const auto& [text, there] = FieldOf(rule.group);
    const double hits = Search(index, rule.if_unset && !there ? *rule.if_unset : text);
    if (!rule.negated) {
      Set(index, hits);
    } else if (hits == 0 && gave_up_.count(index) == 0) {
      Set(index, 1);
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

  // A field of every part; many rules ask for the same.
  const std::vector<std::string>& FieldOfParts(const std::string& field) {
    const auto [known, is_new] = part_fields_.try_emplace(field);
    if (is_new) {
      for (const Part* part : mail_.tree().AllParts())
        known->second.push_back(FieldOf(*part, field));
    }
    return known->second;
  }

  void MimeHeader(unsigned index) {
    const Rule& rule = set_.rules_[index];
    std::string all;
    double hits = 0;
    size_t number = 0;
    for (const std::string& of_part : FieldOfParts(rule.field)) {
      if (++number > rule.flags.last_part) break;
      if (number < rule.flags.first_part) continue;
      const std::string& value = of_part.empty() && rule.if_unset ? *rule.if_unset : of_part;
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
      (rule.hidden ? verdict_.hidden_hits : verdict_.hits)
          .push_back({&rule.name, &rule.description, rule.score, values_[i]});
      if (!rule.hidden) verdict_.score += rule.score;
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
  std::vector<Wait> waits_;
  std::vector<Places> places_;                    // of rules that wait with kSomeTexts
  std::vector<Place> noted_;                      // what places_ are in
  std::vector<std::optional<FieldText>> fields_;  // of the set's headers_
  std::map<std::string_view, std::vector<std::string>> part_fields_;  // by a rule's field
  std::vector<regex::Prefilter::Candidate> candidates_;
  std::vector<unsigned> named_;  // of candidates_, those of a field
  std::set<unsigned> gave_up_;
  // The rule and the text that were tried last, and where in it counting goes on.
  struct {
    unsigned rule = 0;
    size_t text = static_cast<size_t>(-1);
    size_t end = 0;
  } counted_;
  unsigned asked_for_time_ = 0;
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
