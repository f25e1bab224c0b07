#include "services/policy/rules/difference.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "google/protobuf/util/message_differencer.h"
#include "libs/base/cat.h"

namespace cleanmail::policy {
namespace {

using google::protobuf::util::MessageDifferencer;
using Rules = google::protobuf::RepeatedPtrField<v1::Rule>;

void AddField(v1::PolicyDifference& difference, std::string_view field, std::string_view before,
              std::string_view after) {
  if (before == after) return;
  v1::PolicyChange& change = *difference.add_changes();
  change.set_kind(v1::PolicyChange::KIND_FIELD_CHANGED);
  change.set_what(std::string(field));
  change.set_sentence(base::Cat(field, ": from ", before, " to ", after, "."));
}

void AddRule(v1::PolicyDifference& difference, v1::PolicyChange::Kind kind, const v1::Rule* before,
             const v1::Rule* after, std::string_view what_happened) {
  v1::PolicyChange& change = *difference.add_changes();
  change.set_kind(kind);
  change.set_what(after != nullptr ? after->id() : before->id());
  if (before != nullptr) *change.mutable_before() = *before;
  if (after != nullptr) *change.mutable_after() = *after;
  change.set_sentence(base::Cat("Rule ", change.what(), " was ", what_happened, "."));
}

std::map<std::string, int> Places(const Rules& rules) {
  std::map<std::string, int> places;
  for (int i = 0; i < rules.size(); ++i) places.emplace(rules[i].id(), i);
  return places;
}

std::string Score(double score) { return absl::StrFormat("%.1f", score); }

// Ids of the rules that both have and whose order is the same in both: the longest such run. The
// others were moved.
std::vector<std::string> Unmoved(const Rules& after, const std::map<std::string, int>& places) {
  std::vector<std::pair<int, std::string>> common;  // place before, id; in the order of after
  for (const v1::Rule& rule : after) {
    const auto place = places.find(rule.id());
    if (place != places.end()) common.emplace_back(place->second, rule.id());
  }
  // Longest increasing subsequence by place: at most 500 rules, so the square is nothing.
  std::vector<size_t> length(common.size(), 1);
  std::vector<size_t> previous(common.size());
  size_t best = 0;
  for (size_t i = 0; i < common.size(); ++i) {
    previous[i] = i;
    for (size_t j = 0; j < i; ++j) {
      if (common[j].first < common[i].first && length[j] + 1 > length[i]) {
        length[i] = length[j] + 1;
        previous[i] = j;
      }
    }
    if (length[i] > length[best]) best = i;
  }
  std::vector<std::string> ids;
  for (size_t i = best; !common.empty(); i = previous[i]) {
    ids.push_back(common[i].second);
    if (previous[i] == i) break;
  }
  return ids;
}

}  // namespace

v1::PolicyDifference Difference(const v1::Policy& before, const v1::Policy& after) {
  v1::PolicyDifference difference;
  AddField(difference, "display_name", base::Cat("\"", before.display_name(), "\""),
           base::Cat("\"", after.display_name(), "\""));
  AddField(difference, "hold_score", Score(before.hold_score()), Score(after.hold_score()));
  AddField(difference, "unlisted_score", Score(before.unlisted_score()),
           Score(after.unlisted_score()));
  AddField(difference, "quarantine_report", before.quarantine_report() ? "on" : "off",
           after.quarantine_report() ? "on" : "off");
  const std::map<std::string, int> old_places = Places(before.rules());
  const std::map<std::string, int> new_places = Places(after.rules());
  const std::vector<std::string> unmoved = Unmoved(after.rules(), old_places);
  for (const v1::Rule& rule : after.rules()) {
    const auto old_place = old_places.find(rule.id());
    if (old_place == old_places.end()) {
      AddRule(difference, v1::PolicyChange::KIND_RULE_ADDED, nullptr, &rule, "added");
      continue;
    }
    const v1::Rule& old = before.rules(old_place->second);
    if (!MessageDifferencer::Equals(old, rule)) {
      const bool off = rule.disabled() && !old.disabled();
      const bool on = old.disabled() && !rule.disabled();
      AddRule(difference, v1::PolicyChange::KIND_RULE_CHANGED, &old, &rule,
              off ? "switched off" : on ? "switched on" : "changed");
    }
    if (std::ranges::find(unmoved, rule.id()) == unmoved.end()) {
      AddRule(difference, v1::PolicyChange::KIND_RULE_MOVED, nullptr, &rule,
              base::Cat("moved from place ", old_place->second + 1, " to ",
                        new_places.at(rule.id()) + 1));
    }
  }
  for (const v1::Rule& rule : before.rules()) {
    if (!new_places.contains(rule.id()))
      AddRule(difference, v1::PolicyChange::KIND_RULE_REMOVED, &rule, nullptr, "removed");
  }
  return difference;
}

}  // namespace cleanmail::policy
