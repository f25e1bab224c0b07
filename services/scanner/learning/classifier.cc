#include "services/scanner/learning/classifier.h"

#include <cmath>
#include <random>
#include <utility>

namespace cleanmail::scanner::learning {
namespace {

float Scale(size_t features) {
  return 1.0F / std::sqrt(static_cast<float>(features == 0 ? 1 : features));
}

float Probability(float log_odds) { return 1.0F / (1.0F + std::exp(-log_odds)); }

// Both kinds weigh the same in sum, so that what was taught more often is not likelier for that.
std::pair<float, float> KindWeights(std::span<const Example> examples) {
  double spam = 0;
  double ham = 0;
  for (const Example& one : examples) (one.spam ? spam : ham) += one.weight;
  const double all = spam + ham;
  return {static_cast<float>(spam == 0 ? 0 : all / (2 * spam)),
          static_cast<float>(ham == 0 ? 0 : all / (2 * ham))};
}

}  // namespace

Classifier Classifier::Train(std::span<const Example> examples, const TrainingOptions& options) {
  Classifier made;
  made.table_.assign(size_t{1} << options.bits, 0.0F);
  std::vector<float> squares(made.table_.size(), 1e-2F);
  float bias_squares = 1e-2F;
  const auto [spam_weight, ham_weight] = KindWeights(examples);
  std::vector<uint32_t> order(examples.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::mt19937_64 random(1);  // the same order everywhere: instances learn the same
  const size_t mask = made.table_.size() - 1;
  for (int epoch = 0; epoch < options.epochs; ++epoch) {
    for (size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random() % i]);
    for (const uint32_t index : order) {
      const Example& one = examples[index];
      const float error = Probability(made.Score(one.features) + one.offset) - (one.spam ? 1 : 0);
      const float push = error * one.weight * (one.spam ? spam_weight : ham_weight);
      const float scale = Scale(one.features.size());
      for (const Feature feature : one.features) {
        float& weight = made.table_[feature & mask];
        float& square = squares[feature & mask];
        const float slope = push * scale + options.decay * weight;
        square += slope * slope;
        weight -= options.rate * slope / std::sqrt(square);
      }
      bias_squares += push * push;
      made.bias_ -= options.rate * push / std::sqrt(bias_squares) / 10;
    }
  }
  return made;
}

float Classifier::Score(std::span<const Feature> features) const {
  if (table_.empty()) return 0;
  float sum = 0;
  for (const Feature feature : features) sum += WeightOf(feature);
  return bias_ + sum * Scale(features.size());
}

float Classifier::Share(Feature feature, size_t features) const {
  return table_.empty() ? 0 : WeightOf(feature) * Scale(features);
}

}  // namespace cleanmail::scanner::learning
