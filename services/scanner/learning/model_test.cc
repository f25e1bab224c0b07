#include "services/scanner/learning/model.h"

#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libs/base/cat.h"

namespace cleanmail::scanner::learning {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr TokenKey kKey = {1, 2};

// Texts of words of which a part says what the message is.
std::string TextOf(bool spam, unsigned number) {
  std::mt19937 random(number);
  std::string text;
  for (int i = 0; i < 25; ++i)
    text += base::Cat(i % 3 == 0 ? (spam ? "pill" : "minute") : "word", random() % 20, " ");
  return base::Cat("Subject: x\r\n\r\n", text, "\r\n");
}

Tokens Read(const std::string& mail) { return TokensOf(ParsedMessage(mail), kKey); }

std::vector<Example> Examples(int count, unsigned from = 0, bool swapped = false) {
  std::vector<Example> examples;
  for (int i = 0; i < count; ++i) {
    const bool spam = i % 2 == 0;
    examples.push_back({.features = FeaturesOf(Read(TextOf(spam, from + static_cast<unsigned>(i)))),
                        .spam = spam != swapped});
  }
  return examples;
}

TEST(Model, TellsSpamFromHamItHasNotSeen) {
  const Model model = Model::Train(Examples(200));
  for (unsigned i = 1000; i < 1050; ++i) {
    EXPECT_GT(Judge(&model, nullptr, Read(TextOf(true, i))).probability, 0.9);
    EXPECT_LT(Judge(&model, nullptr, Read(TextOf(false, i))).probability, 0.1);
  }
  EXPECT_LT(model.quality().missed_spam, 0.02);
  EXPECT_LT(model.quality().false_spam, 0.02);
}

TEST(Model, SaysWhichWordsDecided) {
  const Model model = Model::Train(Examples(200));
  const std::string because = Judge(&model, nullptr, Read(TextOf(true, 7000))).because;
  EXPECT_THAT(because, HasSubstr("\"pill"));
  EXPECT_THAT(because, Not(HasSubstr("minute")));
}

TEST(Model, KnowsNothingOfWordsItHasNotSeen) {
  const Model model = Model::Train(Examples(200));
  const double probability =
      Judge(&model, nullptr, Read("\r\n\r\nquite other things are said here today\r\n"))
          .probability;
  EXPECT_GT(probability, 0.2);
  EXPECT_LT(probability, 0.8);
}

TEST(Model, IsTheSameForTheSameExamples) {
  const Model one = Model::Train(Examples(100));
  const Model other = Model::Train(Examples(100));
  const Tokens tokens = Read(TextOf(true, 3000));
  EXPECT_EQ(Judge(&one, nullptr, tokens).probability, Judge(&other, nullptr, tokens).probability);
}

TEST(Model, ATenantsOwnOverrulesWhatAllShare) {
  const Model shared = Model::Train(Examples(200));
  std::vector<Example> examples = Examples(100, 500, true);  // what others call spam is wanted here
  for (Example& one : examples) one.offset = static_cast<float>(shared.LogOdds(one.features));
  const Model own = Model::Train(std::move(examples));
  const Tokens tokens = Read(TextOf(true, 4000));
  EXPECT_GT(Judge(&shared, nullptr, tokens).probability, 0.9);
  EXPECT_LT(Judge(&shared, &own, tokens).probability, 0.2);
}

TEST(Model, KindsTaughtMoreOftenAreNotLikelierForThat) {
  std::vector<Example> examples = Examples(40);
  for (unsigned i = 0; i < 400; ++i)
    examples.push_back({.features = FeaturesOf(Read(TextOf(false, 9000 + i))), .spam = false});
  const Model model = Model::Train(std::move(examples));
  EXPECT_GT(Judge(&model, nullptr, Read(TextOf(true, 5000))).probability, 0.8);
}

TEST(Model, WordsLearntAsBothSayNothing) {
  std::vector<Example> examples = Examples(200);
  std::vector<Example> swapped = Examples(200, 0, true);
  examples.insert(examples.end(), swapped.begin(), swapped.end());
  const Model model = Model::Train(std::move(examples));
  const double probability = Judge(&model, nullptr, Read(TextOf(true, 6000))).probability;
  EXPECT_GT(probability, 0.3);
  EXPECT_LT(probability, 0.7);
}

TEST(Model, OfNothingDoesNotFail) {
  const Model model = Model::Train({});
  EXPECT_NEAR(Judge(&model, nullptr, Read("\r\n")).probability, 0.5, 0.3);
}

}  // namespace
}  // namespace cleanmail::scanner::learning
