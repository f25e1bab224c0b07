#include <benchmark/benchmark.h>

#include "libs/base/cat.h"
#include "libs/mail/html/page.h"

namespace cleanmail::mail::html {
namespace {

void Measure(benchmark::State& state, const std::string& html) {
  bool flat = false;
  for (auto _ : state) flat = ReadPage(html).flat;
  state.counters["flat"] = flat;
  state.SetBytesProcessed(static_cast<int64_t>(html.size() * state.iterations()));
}

// A newsletter of 50 kB: tables within tables, styles at each cell.
void Newsletter(benchmark::State& state) {
  std::string html = "<html><body bgcolor=white><table><tr><td>";
  while (html.size() < 50'000)
    html +=
        "<table width=600><tr><td style=\"font-size:14px;color:#333333;padding:0 10px\">"
        "A sentence of an offer, and <a href=\"https://shop.example/item?id=1&amp;u=2\">a link</a>"
        "<img src=\"https://shop.example/p.png\" alt=\"picture\" width=1 height=1></td></tr>"
        "</table>";
  Measure(state, html + "</td></tr></table>");
}
BENCHMARK(Newsletter)->Unit(benchmark::kMicrosecond);

// One megabyte within the limits of a tree: 500 levels, then what looks through all of them.
void DeepScopes(benchmark::State& state) {
  std::string html;
  for (int i = 0; i < 500; ++i) html += "<div>";
  while (html.size() < 1'000'000) html += "</p>";
  Measure(state, html);
}
BENCHMARK(DeepScopes)->Unit(benchmark::kMillisecond);

// Formatting elements left open, made anew in each block until memory is over.
void GrowingTree(benchmark::State& state) {
  std::string html = "<p>";
  for (int i = 0; i < 450; ++i) html += base::Cat("<font size=", i, ">");
  html += "</p>";
  while (html.size() < 1'000'000) html += "<p>x</p>";
  Measure(state, html);
}
BENCHMARK(GrowingTree)->Unit(benchmark::kMillisecond);

// 25 MB of unclosed tags, read flat.
void Flat(benchmark::State& state) {
  std::string html;
  while (html.size() < 25 << 20) html += "<div style='color:#fff'><a href=http://x.example/>t";
  Measure(state, html);
}
BENCHMARK(Flat)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace cleanmail::mail::html

BENCHMARK_MAIN();
