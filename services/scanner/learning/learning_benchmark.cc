// What learning costs a message: reading its tokens, judging them; and training.
#include <random>

#include <benchmark/benchmark.h>

#include "libs/base/cat.h"
#include "services/scanner/learning/model.h"

namespace cleanmail::scanner::learning {
namespace {

constexpr TokenKey kKey = {1, 2};

// About `words` different words, in HTML.
std::string MailOf(unsigned number, int words) {
  std::mt19937 random(number);
  std::string text;
  for (int i = 0; i < words; ++i)
    text += base::Cat(i % 10 == 0 ? "<p>" : "", number % 2 == 0 && i % 4 == 0 ? "pill" : "word",
                      random() % 5000, " ");
  return base::Cat("From: Ann <ann@example.org>\r\nSubject: hello ", number,
                   "\r\nContent-Type: text/html\r\n\r\n", text, "\r\n");
}

std::vector<Example> Examples(int count) {
  std::vector<Example> examples;
  for (int i = 0; i < count; ++i) {
    const std::string mail = MailOf(static_cast<unsigned>(i), 200);
    const ParsedMessage message(mail);
    examples.push_back({.features = FeaturesOf(TokensOf(message, kKey)), .spam = i % 2 == 0});
  }
  return examples;
}

void ReadTokens(benchmark::State& state) {
  const std::string mail = MailOf(1, static_cast<int>(state.range(0)));
  const ParsedMessage message(mail);
  (void)message.pages();
  size_t tokens = 0;
  for (auto _ : state) tokens = TokensOf(message, kKey).list.size();
  state.counters["tokens"] = static_cast<double>(tokens);
}
BENCHMARK(ReadTokens)->Arg(20)->Arg(200)->Arg(2000)->Arg(20000);

void JudgeTokens(benchmark::State& state) {
  const Model shared = Model::Train(Examples(400));
  const Model own = Model::Train(Examples(400));
  const std::string mail = MailOf(1, static_cast<int>(state.range(0)));
  const Tokens tokens = TokensOf(ParsedMessage(mail), kKey);
  for (auto _ : state) benchmark::DoNotOptimize(Judge(&shared, &own, tokens).probability);
}
BENCHMARK(JudgeTokens)->Arg(20)->Arg(200)->Arg(2000);

void Training(benchmark::State& state) {
  const std::vector<Example> examples = Examples(static_cast<int>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(Model::Train(examples).bytes());
}
BENCHMARK(Training)->Arg(400)->Arg(10000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cleanmail::scanner::learning

BENCHMARK_MAIN();
