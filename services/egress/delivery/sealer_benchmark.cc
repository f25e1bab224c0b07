#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <benchmark/benchmark.h>

#include "libs/base/cat.h"
#include "services/egress/delivery/sealer.h"

namespace cleanmail::egress {
namespace {

void Seal(benchmark::State& state) {
  const std::string path =
      (std::filesystem::temp_directory_path() / "cleanmail_sealer_benchmark.pem").string();
  std::ofstream(path) << *crypto::SigningKey::Generate(crypto::KeyKind::kRsa);
  std::filesystem::permissions(path, std::filesystem::perms(0600));
  v1::Arc settings;
  settings.set_domain("gateway.example");
  settings.set_selector("arc");
  settings.set_key_file(path);
  const base::SystemClock clock;
  const auto sealer = *Sealer::Create(settings, clock);
  std::filesystem::remove(path);
  std::string message =
      "From: a@example.org\r\nTo: b@example.net\r\nSubject: x\r\nMessage-ID: <1@x>\r\n\r\n";
  while (message.size() < static_cast<size_t>(state.range(0)))
    message += "A line of a letter  with words in it,\t as people write.\r\n";
  for (auto _ : state) {
    if (!sealer->Seal(message, "gateway.example; spf=pass smtp.mailfrom=example.org").ok())
      state.SkipWithError("not sealed");
  }
}
BENCHMARK(Seal)->Arg(4'000)->Arg(100'000)->Arg(1'000'000);

}  // namespace
}  // namespace cleanmail::egress

BENCHMARK_MAIN();
