#include <benchmark/benchmark.h>

#include "libs/base/cat.h"
#include "libs/mail/auth/dkim/signer.h"
#include "libs/mail/auth/dkim/verifier.h"
#include "libs/mail/auth/dmarc/evaluate.h"
#include "libs/mail/auth/fake_zone.h"
#include "libs/mail/auth/spf/check_host.h"
#include "libs/mail/mime/encodings.h"

// What one message costs of CPU, the DNS answered from memory.
namespace cleanmail::mail::auth {
namespace {

const crypto::SigningKey& Key() {
  static const auto key =
      *crypto::SigningKey::FromPem(*crypto::SigningKey::Generate(crypto::KeyKind::kRsa));
  return *key;
}

std::string Body(size_t bytes) {
  std::string body;
  while (body.size() < bytes)
    body += "A line of a letter  with words in it,\t as people write.\r\n";
  return body;
}

const FakeZone& Zone() {
  static const FakeZone zone = [] {
    FakeZone made;
    made.Text("s._domainkey.example.org",
              base::Cat("v=DKIM1; p=", mime::EncodeBase64(Key().PublicBytes())))
        .Text("_dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:r@example.org")
        .Text("example.org",
              "v=spf1 include:_spf.a.example include:_spf.b.example mx a:mail.example.org -all")
        .Text("_spf.a.example",
              "v=spf1 ip4:198.51.100.0/24 ip4:203.0.113.0/25 ip6:2001:db8::/32 ~all")
        .Text("_spf.b.example", "v=spf1 ip4:198.51.100.0/24 include:_spf.c.example ~all")
        .Text("_spf.c.example", "v=spf1 exists:%{ir}.%{v}.ok.example ip4:192.0.2.0/24 ~all");
    return made;
  }();
  return zone;
}

std::string Message(size_t body_bytes) {
  const std::string body = Body(body_bytes);
  const std::string text =
      "Received: from a by b; Sun, 22 Nov 2026 10:00:00 +0000\r\nFrom: Joe "
      "<joe@example.org>\r\nTo: "
      "ann@example.net\r\nSubject: A letter\r\nDate: Sun, 22 Nov 2026 10:00:00 "
      "+0000\r\nMessage-ID: "
      "<1@example.org>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n\r\n";
  const auto block = *mime::HeaderBlock::Parse(text);
  dkim::BodyHash hash(dkim::Canonical::kRelaxed);
  hash.Add(body);
  hash.Finish();
  const auto value = dkim::Sign(dkim::HeaderIndex(block), hash.hash(),
                                {.domain = "example.org", .selector = "s", .key = Key()});
  return base::Cat("DKIM-Signature: ", *value, "\r\n", text, body);
}

void Spf(benchmark::State& state) {
  const spf::Query query{
      .client = "192.0.2.9", .helo = "mail.example.org", .sender = "joe@example.org"};
  for (auto _ : state) {
    const auto verdict =
        Zone().Run([&](Lookups& lookups) { return spf::CheckHost(query, lookups); });
    if (verdict.result != spf::Result::kPass) state.SkipWithError("did not pass");
  }
}
BENCHMARK(Spf);

void DkimVerify(benchmark::State& state) {
  const std::string message = Message(static_cast<size_t>(state.range(0)));
  for (auto _ : state) {
    const auto block = *mime::HeaderBlock::Parse(message);
    const dkim::HeaderIndex index(block);
    dkim::BodyHashes body;
    const dkim::Verifier verifier(index, body, {});
    body.Add(std::string_view(message).substr(block.body_offset()));
    body.Finish();
    const auto verdicts = Zone().Run([&](Lookups& lookups) { return verifier.Verdicts(lookups); });
    if (verdicts.at(0).result != dkim::Result::kPass) state.SkipWithError("did not pass");
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0));
}
BENCHMARK(DkimVerify)->Arg(5'000)->Arg(100'000)->Arg(10'000'000);

void DkimSign(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Message(5'000));
}
BENCHMARK(DkimSign);

void BodyHashRelaxed(benchmark::State& state) {
  const std::string body = Body(1'000'000);
  for (auto _ : state) {
    dkim::BodyHash hash(dkim::Canonical::kRelaxed);
    hash.Add(body);
    hash.Finish();
    benchmark::DoNotOptimize(hash.hash());
  }
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations() * body.size()));
}
BENCHMARK(BodyHashRelaxed);

void Dmarc(benchmark::State& state) {
  const dmarc::Evidence evidence{.author = "news.example.org", .dkim_domains = {"example.org"}};
  for (auto _ : state) {
    const auto verdict =
        Zone().Run([&](Lookups& lookups) { return dmarc::Evaluate(evidence, lookups); });
    if (verdict.result != dmarc::Result::kPass) state.SkipWithError("did not pass");
  }
}
BENCHMARK(Dmarc);

}  // namespace
}  // namespace cleanmail::mail::auth

BENCHMARK_MAIN();
