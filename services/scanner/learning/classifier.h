#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cleanmail::scanner::learning {

// A token as it is kept: the upper half of its hash.
using Feature = uint32_t;
constexpr Feature FeatureOf(uint64_t hash) { return static_cast<Feature>(hash >> 32); }

// A message that was taught.
struct Example {
  std::vector<Feature> features;
  bool spam = false;
  float weight = 1;  // how much it counts: less as it ages
  float offset = 0;  // what is known of it before: the shared classifier's log-odds
};

struct TrainingOptions {
  int bits = 18;  // the table has 2^bits weights
  int epochs = 10;
  float rate = 2;
  float decay = 1e-6;  // pulls weights to zero
};

// Logistic regression over a message's tokens, each 1/√n in a message of n, hashed into a table of
// fixed size. A value; Score is thread-safe.
class Classifier {
 public:
  Classifier() = default;

  // Learns from all examples, both kinds weighing the same in sum, by stochastic descent with a
  // rate for each weight (AdaGrad). Pure: the same examples give the same classifier.
  static Classifier Train(std::span<const Example> examples, const TrainingOptions& options = {});

  // Log-odds of spam: 0 is "don't know".
  float Score(std::span<const Feature> features) const;
  // What one token adds to the score of a message of `features` tokens.
  float Share(Feature feature, size_t features) const;

  bool empty() const { return table_.empty(); }
  size_t bytes() const { return table_.size() * sizeof(float); }

 private:
  float WeightOf(Feature feature) const { return table_[feature & (table_.size() - 1)]; }

  std::vector<float> table_;
  float bias_ = 0;
};

}  // namespace cleanmail::scanner::learning
