#include "services/scanner/learning/model.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

#include "libs/base/cat.h"

namespace cleanmail::scanner::learning {
namespace {

constexpr size_t kFolds = 3;
constexpr double kSpamLine = 0.95;
constexpr size_t kReasons = 5;
constexpr double kLeastSlope = 0.2;
constexpr double kMostSlope = 5;

double Probability(double log_odds) { return 1 / (1 + std::exp(-log_odds)); }

int BitsFor(size_t examples) { return examples < 1000 ? 16 : examples < 4000 ? 18 : 20; }

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
  double weight = 1;  // both kinds weigh the same in sum
};

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
        asked.push_back(
            {.log_odds = made.Score(one.features) + one.offset, .spam = one.spam, .weight = 1});
    }
  }
  const auto spam = static_cast<double>(std::ranges::count_if(asked, &Unseen::spam));
  const auto ham = static_cast<double>(asked.size()) - spam;
  for (Unseen& one : asked) one.weight = 0.5 / std::max(1.0, one.spam ? spam : ham);
  return asked;
}

// Platt's: slope and intercept under which the log-odds are likeliest, by Newton's steps. Ends are
// softened by how few examples there are.
std::pair<double, double> Calibrate(std::span<const Unseen> asked) {
  const double soft = 1.0 / (static_cast<double>(asked.size()) + 2);
  double slope = 1;
  double intercept = 0;
  for (int step = 0; step < 30; ++step) {
    double g1 = 1e-4 * (slope - 1), g0 = 0, h11 = 1e-4, h10 = 0, h00 = 1e-9;
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
    slope = std::clamp(slope - (g1 * h00 - g0 * h10) / determinant, kLeastSlope, kMostSlope);
    intercept = std::clamp(intercept - (g0 * h11 - g1 * h10) / determinant, -5.0, 5.0);
  }
  return {slope, intercept};
}

struct Reason {
  const Token* token = nullptr;
  double share = 0;
};

// The weightiest tokens that speak for what was found, words of a pair that is named left out.
std::string Because(const Tokens& tokens, std::vector<Reason> reasons, bool spam) {
  std::erase_if(reasons, [&](const Reason& one) { return spam ? one.share <= 0 : one.share >= 0; });
  std::ranges::sort(reasons, [](const Reason& a, const Reason& b) {
    const double x = std::abs(a.share), y = std::abs(b.share);
    return x != y ? x > y : a.token->begin < b.token->begin;
  });
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

Model Model::Train(std::span<const Example> examples) {
  const TrainingOptions options{.bits = BitsFor(examples.size())};
  Model made;
  const std::vector<Unseen> asked = AskUnseen(examples, options);
  std::tie(made.slope_, made.intercept_) = Calibrate(asked);
  for (const Unseen& one : asked) {
    const double p = Probability(made.slope_ * one.log_odds + made.intercept_);
    if (one.spam && p < kSpamLine) made.quality_.missed_spam += 2 * one.weight;
    if (!one.spam && p >= kSpamLine) made.quality_.false_spam += 2 * one.weight;
  }
  made.classifier_ = Classifier::Train(examples, options);
  return made;
}

double Model::LogOdds(std::span<const Feature> features, double offset) const {
  return slope_ * (classifier_.Score(features) + offset) + intercept_;
}

double Model::Share(Feature feature, size_t features) const {
  return slope_ * classifier_.Share(feature, features);
}

Opinion Judge(const Model* shared, const Model* own, const Tokens& tokens) {
  const std::vector<Feature> features = FeaturesOf(tokens);
  double log_odds = shared == nullptr ? 0 : shared->LogOdds(features);
  if (own != nullptr) log_odds = own->LogOdds(features, log_odds);
  std::vector<Reason> reasons(features.size());
  for (size_t i = 0; i < features.size(); ++i) {
    reasons[i].token = &tokens.list[i];
    if (shared != nullptr) reasons[i].share += shared->Share(features[i], features.size());
    if (own != nullptr) reasons[i].share += own->Share(features[i], features.size());
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
