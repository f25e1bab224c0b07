#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "services/scanner/learning/classifier.h"
#include "services/scanner/learning/tokens.h"

namespace cleanmail::scanner::learning {

// How a model does on messages it was not shown, from repeated training on a part: shares of 1.
struct Quality {
  double missed_spam = 0;  // spam it gives less than 0.95
  double false_spam = 0;   // ham it gives 0.95 or more
};

// By how much log-odds are too sure of themselves.
struct Calibration {
  double slope = 1;
  double intercept = 0;

  double Of(double log_odds) const { return slope * log_odds + intercept; }
};

// A classifier whose log-odds mean what they say: at 0.9, nine of ten are spam where both kinds
// are as frequent. Thread-safe once made.
class Model {
 public:
  // Learns from examples of both kinds; where it is to stand on another model, `offset` of each is
  // that one's log-odds, which count as much as they are right here. Pure.
  static Model Train(std::vector<Example> examples);

  // Log-odds of spam, on top of `offset`.
  double LogOdds(std::span<const Feature> features, double offset = 0) const;
  // What one token of a message of `features` adds, in log-odds.
  double Share(Feature feature, size_t features) const;
  // By how much this counts what the model below adds.
  double ShareBelow() const { return all_.slope * below_.slope; }

  const Quality& quality() const { return quality_; }
  size_t bytes() const { return classifier_.bytes(); }

 private:
  Classifier classifier_;
  Calibration below_;  // of the log-odds it stands on
  Calibration all_;    // of the sum
  Quality quality_;
};

// What models say of a message.
struct Opinion {
  double probability = 0.5;
  // The words of the message that decided, in words for people: hostile text.
  std::string because;
};

// What `shared`, and `own` on top of it, say; either may be null, not both.
Opinion Judge(const Model* shared, const Model* own, const Tokens& tokens);

// The tokens as they are learnt.
std::vector<Feature> FeaturesOf(const Tokens& tokens);

}  // namespace cleanmail::scanner::learning
