#include <string>

#include <benchmark/benchmark.h>

#include "libs/mail/smtp/content_decoder.h"
#include "libs/mail/smtp/content_encoder.h"

namespace cleanmail::mail::smtp {
namespace {

std::string Message(size_t line) {
  std::string message = "Subject: x\r\n\r\n";
  while (message.size() < 1 << 20) message += std::string(line, 'x') + "\r\n";
  return message;
}

void Decode(benchmark::State& state) {
  const std::string message = Message(state.range(0));
  int64_t kept = 0;
  for (auto _ : state) {
    ContentDecoder decoder(
        Framing::kDots, LineEnds::kStrict,
        {.bytes = 1 << 30, .line_bytes = 1 << 16, .header_bytes = 1 << 18, .header_fields = 2000});
    for (size_t at = 0; at < message.size(); at += 65536) {
      std::string_view input = std::string_view(message).substr(at, 65536);
      decoder.Decode(input,
                     [&](std::string_view part) { kept += static_cast<int64_t>(part.size()); });
    }
  }
  benchmark::DoNotOptimize(kept);
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * message.size()));
}
BENCHMARK(Decode)->Arg(20)->Arg(76)->Arg(500);

void Encode(benchmark::State& state) {
  const std::string message = Message(state.range(0));
  std::string out;
  for (auto _ : state) {
    ContentEncoder encoder(/*dots=*/true);
    for (size_t at = 0; at < message.size(); at += 65536) {
      out.clear();
      encoder.Encode(std::string_view(message).substr(at, 65536), out);
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * message.size()));
}
BENCHMARK(Encode)->Arg(20)->Arg(76)->Arg(500);

}  // namespace
}  // namespace cleanmail::mail::smtp

BENCHMARK_MAIN();
