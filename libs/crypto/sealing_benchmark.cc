#include <benchmark/benchmark.h>
#include <sodium.h>

#include "libs/crypto/hash.h"
#include "libs/crypto/sealing.h"

namespace cleanmail::crypto {
namespace {

void SealBody(benchmark::State& state) {
  const std::string tenant(kKeyBytes, 't'), plain(state.range(0), 'x');
  for (auto _ : state) {
    ChunkSealer sealer(Hkdf(tenant, "0123456789abcdef", "cleanmail body/acme/0190", kKeyBytes));
    std::string out;
    sealer.Seal(0, true, plain, out);
    benchmark::DoNotOptimize(out);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(SealBody)->Arg(4096)->Arg(65536);

// The other candidate.
void SealXChaCha20(benchmark::State& state) {
  const std::string key(kKeyBytes, 't'), plain(state.range(0), 'x');
  const unsigned char nonce[24] = {};
  for (auto _ : state) {
    std::string out(plain.size() + 16, '\0');
    unsigned long long length = 0;
    crypto_aead_xchacha20poly1305_ietf_encrypt(
        reinterpret_cast<unsigned char*>(out.data()), &length,
        reinterpret_cast<const unsigned char*>(plain.data()), plain.size(), nullptr, 0, nullptr,
        nonce, reinterpret_cast<const unsigned char*>(key.data()));
    benchmark::DoNotOptimize(out);
  }
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(SealXChaCha20)->Arg(4096)->Arg(65536);

}  // namespace
}  // namespace cleanmail::crypto

BENCHMARK_MAIN();
