#include <benchmark/benchmark.h>

#include "libs/base/cat.h"
#include "libs/mail/mime/contents.h"

namespace cleanmail::mail::mime {
namespace {

constexpr StructureLimits kLimits = {.parts = 20'000, .depth = 200, .header_bytes = 32 << 20};

void Measure(benchmark::State& state, const std::string& message) {
  size_t found = 0;
  for (auto _ : state) {
    const Entities entities = FindEntities(message, kLimits);
    found =
        ReadContents(message, entities, {.structure = kLimits, .contents = 100'000}).list.size();
  }
  state.counters["contents"] = static_cast<double>(found);
  state.SetBytesProcessed(static_cast<int64_t>(message.size() * state.iterations()));
}

// 25 MB in 10,000 parts.
void ManyParts(benchmark::State& state) {
  std::string message = "Content-Type: multipart/mixed; boundary=b\r\n\r\n";
  const std::string body(2400, 'x');
  for (int i = 0; i < 10'000; ++i)
    message += base::Cat("--b\r\nContent-Type: text/plain; name=", i, ".txt\r\n\r\n", body, "\r\n");
  Measure(state, message + "--b--\r\n");
}
BENCHMARK(ManyParts)->Unit(benchmark::kMillisecond);

// The same, and ambiguous in every way.
void ManyAmbiguousParts(benchmark::State& state) {
  std::string message =
      "Content-Type: multipart/mixed; boundary=b\r\nContent-Type: multipart/mixed; boundary=c\r\n"
      "Content-Type: text/plain\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n";
  const std::string body(2300, 'x');
  for (int i = 0; i < 10'000; ++i)
    message += base::Cat("--b\r\nContent-Type: text/plain; name=", i,
                         ".txt\r\nContent-Transfer-Encoding: base64\r\nContent-Transfer-Encoding: "
                         "quoted-printable\r\nno field\r\n\r\n",
                         body, "=\r\nabcd\r\n--b x\r--b\r\n");
  Measure(state, message);
}
BENCHMARK(ManyAmbiguousParts)->Unit(benchmark::kMillisecond);

// 100,000 fields in one header.
void ManyFields(benchmark::State& state) {
  std::string message;
  for (int i = 0; i < 100'000; ++i) message += "Content-Type: text/plain; charset=utf-8; x=y\r\n";
  Measure(state, message + "\r\nx\r\n");
}
BENCHMARK(ManyFields)->Unit(benchmark::kMillisecond);

// 100 levels, each boundary the beginning of the next, and 25 MB of lines that begin like one.
void DeepNest(benchmark::State& state) {
  std::string message;
  std::string boundary = "b";
  for (int i = 0; i < 100; ++i, boundary += "b")
    message += base::Cat("Content-Type: multipart/mixed; boundary=", boundary, "\r\n\r\n--",
                         boundary, "\r\n");
  message += "\r\n";
  while (message.size() < 25 << 20) message += base::Cat("--", boundary, "x\r\n");
  Measure(state, message);
}
BENCHMARK(DeepNest)->Unit(benchmark::kMillisecond);

// One file of 18 MB in base64.
void OneFile(benchmark::State& state) {
  std::string message =
      "Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n";
  const std::string line = std::string(76, 'A') + "\r\n";
  while (message.size() < 25 << 20) message += line;
  Measure(state, message);
}
BENCHMARK(OneFile)->Unit(benchmark::kMillisecond);

// A letter of everyday.
void Letter(benchmark::State& state) {
  std::string message =
      "Subject: x\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: "
      "text/plain; charset=utf-8\r\n\r\n";
  for (int i = 0; i < 50; ++i) message += "A line of a letter as it is written every day.\r\n";
  message += "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n";
  for (int i = 0; i < 50; ++i) message += "<p>A line of a letter as it is written.</p>\r\n";
  Measure(state, message + "--b--\r\n");
}
BENCHMARK(Letter)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace cleanmail::mail::mime

BENCHMARK_MAIN();
