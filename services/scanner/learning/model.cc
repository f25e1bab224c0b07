#include "services/scanner/learning/model.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "libs/base/cat.h"

namespace cleanmail::scanner::learning {
namespace {

constexpr size_t kFolds = 3;
constexpr double kSpamLine = 0.95;
constexpr size_t kReasons = 5;
constexpr size_t kReasonsLookedAt = 50;
constexpr double kLeastSlope = 0.2;
constexpr double kMostSlope = 5;

double Probability(double log_odds) { return 1 / (1 + std::exp(-log_odds)); }

int BitsFor(size_t examples) { return examples < 4000 ? 18 : 20; }

// Messages that are nearly the same land in the same fold mostly: their smallest tokens are equal.
size_t FoldOf(const Example& example) {
  Feature smallest = ~Feature{0};
  for (const Feature feature : example.features)
    smallest = std::min(smallest, feature * 0x9E3779B1U);
  return smallest % kFolds;
}

// What a classifier said of an example it had not seen.
struct Unseen {
  double log_odds = 0;
  bool spam = false;
  double weight = 1;
};

// Both kinds weigh the same in sum.
std::vector<Unseen> Weighed(std::vector<Unseen> asked) {
  const auto spam = static_cast<double>(std::ranges::count_if(asked, &Unseen::spam));
  const auto ham = static_cast<double>(asked.size()) - spam;
  for (Unseen& one : asked) one.weight = 0.5 / std::max(1.0, one.spam ? spam : ham);
  return asked;
}

std::vector<Unseen> AskUnseen(std::span<const Example> examples, const TrainingOptions& options) {
  std::vector<Unseen> asked;
  asked.reserve(examples.size());
  std::vector<Example> shown;
  for (size_t fold = 0; fold < kFolds; ++fold) {
    shown.clear();
    for (const Example& one : examples) {
      if (FoldOf(one) != fold) shown.push_back(one);
    }
    const Classifier made = Classifier::Train(shown, options);
    for (const Example& one : examples) {
      if (FoldOf(one) == fold)
        asked.push_back({.log_odds = made.Score(one.features) + one.offset, .spam = one.spam});
    }
  }
  return Weighed(std::move(asked));
}

// What the model below says of examples it was not taught.
std::vector<Unseen> AskBelow(std::span<const Example> examples) {
  std::vector<Unseen> asked;
  asked.reserve(examples.size());
  for (const Example& one : examples) asked.push_back({.log_odds = one.offset, .spam = one.spam});
  return Weighed(std::move(asked));
}

// Platt's: slope and intercept under which the log-odds are likeliest, by Newton's steps. Ends are
// softened by how few examples there are.
Calibration Calibrate(std::span<const Unseen> asked, double least_slope) {
  const double soft = 1.0 / (static_cast<double>(asked.size()) + 2);
  const double prior = 2 * soft;  // a slope of 1 counts as two examples
  double slope = 1;
  double intercept = 0;
  for (int step = 0; step < 30; ++step) {
    double g1 = prior * (slope - 1), g0 = 0, h11 = prior, h10 = 0, h00 = 1e-9;
    for (const Unseen& one : asked) {
      const double p = Probability(slope * one.log_odds + intercept);
      const double error = (p - (one.spam ? 1 - soft : soft)) * one.weight;
      const double curve = p * (1 - p) * one.weight;
      g1 += error * one.log_odds;
      g0 += error;
      h11 += curve * one.log_odds * one.log_odds;
      h10 += curve * one.log_odds;
      h00 += curve;
    }
    const double determinant = h11 * h00 - h10 * h10;
    if (determinant <= 1e-15) break;
    slope = std::clamp(slope - (g1 * h00 - g0 * h10) / determinant, least_slope, kMostSlope);
    intercept = std::clamp(intercept - (g0 * h11 - g1 * h10) / determinant, -5.0, 5.0);
  }
  return {.slope = slope, .intercept = intercept};
}

struct Reason {
  const Token* token = nullptr;
  double share = 0;
};

// The weightiest tokens that speak for what was found, words of a pair that is named left out.
std::string Because(const Tokens& tokens, std::vector<Reason> reasons, bool spam) {
  std::erase_if(reasons, [&](const Reason& one) { return spam ? one.share <= 0 : one.share >= 0; });
  const auto weightiest =
      reasons.begin() + static_cast<ptrdiff_t>(std::min(reasons.size(), kReasonsLookedAt));
  std::ranges::partial_sort(reasons, weightiest, [](const Reason& a, const Reason& b) {
    const double x = std::abs(a.share), y = std::abs(b.share);
    return x != y ? x > y : a.token->begin < b.token->begin;
  });
  reasons.erase(weightiest, reasons.end());
  std::string text;
  std::vector<std::string> said;
  for (size_t i = 0; i < reasons.size() && said.size() < kReasons; ++i) {
    std::string one = tokens.Describe(*reasons[i].token);
    const std::string_view bare =
        std::string_view(one).substr(0, one.rfind('"')).substr(one.starts_with('"') ? 1 : 0);
    const auto repeats = [&](const std::string& other) {
      return other.find(bare) != other.npos || one.find(other) != one.npos;
    };
    if (std::ranges::any_of(said, repeats)) continue;
    text += base::Cat(text.empty() ? "" : ", ", one);
    said.push_back(std::move(one));
  }
  return text;
}

}  // namespace

Model Model::Train(std::vector<Example> examples) {
  const TrainingOptions options{.bits = BitsFor(examples.size())};
  Model made;
  if (std::ranges::any_of(examples, [](const Example& one) { return one.offset != 0; })) {
    made.below_ = Calibrate(AskBelow(examples), 0);
    for (Example& one : examples) one.offset = static_cast<float>(made.below_.Of(one.offset));
  }
  const std::vector<Unseen> asked = AskUnseen(examples, options);
  made.all_ = Calibrate(asked, kLeastSlope);
  for (const Unseen& one : asked) {
    const double p = Probability(made.all_.Of(one.log_odds));
    if (one.spam && p < kSpamLine) made.quality_.missed_spam += 2 * one.weight;
    if (!one.spam && p >= kSpamLine) made.quality_.false_spam += 2 * one.weight;
  }
  made.classifier_ = Classifier::Train(examples, options);
  return made;
}

double Model::LogOdds(std::span<const Feature> features, double offset) const {
  return all_.Of(classifier_.Score(features) + below_.Of(offset));
}

double Model::Share(Feature feature, size_t features) const {
  return all_.slope * classifier_.Share(feature, features);
}

Opinion Judge(const Model* shared, const Model* own, const Tokens& tokens) {
  const std::vector<Feature> features = FeaturesOf(tokens);
  double log_odds = shared == nullptr ? 0 : shared->LogOdds(features);
  if (own != nullptr) log_odds = own->LogOdds(features, log_odds);
  std::vector<Reason> reasons(features.size());
  for (size_t i = 0; i < features.size(); ++i) {
    reasons[i].token = &tokens.list[i];
    double& share = reasons[i].share;
    if (shared != nullptr) share = shared->Share(features[i], features.size());
    if (own != nullptr)
      share = own->ShareBelow() * share + own->Share(features[i], features.size());
  }
  return {.probability = Probability(log_odds),
          .because = Because(tokens, std::move(reasons), log_odds > 0)};
}

std::vector<Feature> FeaturesOf(const Tokens& tokens) {
  std::vector<Feature> features;
  features.reserve(tokens.list.size());
  for (const Token& token : tokens.list) features.push_back(FeatureOf(token.hash));
  return features;
}

}  // namespace cleanmail::scanner::learning
