// What a message costs through the worker with libclamav, beside clamd, both over one signature:
// bazel run -c opt //services/scanner:worker_benchmark
// With CLEANMAIL_MAILS=FOLDER also every file of a folder once, and how many were found or failed.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

#include <benchmark/benchmark.h>

#include "absl/strings/escaping.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "services/scanner/analyzers/malware/clamd.h"
#include "services/scanner/analyzers/malware/clamd_daemon.h"
#include "services/scanner/analyzers/malware/worker_engine.h"
#include "services/scanner/worker/test_files.h"
#include "services/scanner/worker/worker_for_test.h"

namespace cleanmail::scanner {
namespace {

std::string Text(size_t size) {
  std::string mail = "From: a@x.example\r\nSubject: Report\r\n\r\n";
  for (unsigned i = 1; mail.size() < size; i = i * 1664525 + 1013904223)
    mail += base::Cat("Line with words and the number ", i, " in it, as people write.\r\n");
  return mail;
}

std::string WithFile(const std::string& name, const std::string& bytes) {
  std::string encoded;
  const std::string all = absl::Base64Escape(bytes);
  for (size_t at = 0; at < all.size(); at += 76) encoded += all.substr(at, 76) + "\r\n";
  return base::Cat(
      "Subject: x\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHi\r\n",
      "--b\r\nContent-Type: application/octet-stream; name=", name,
      "\r\nContent-Transfer-Encoding: base64\r\n\r\n", encoded, "--b--\r\n");
}

const std::string& MailOf(int64_t kind) {
  static const std::string mails[] = {
      Text(4 << 10), Text(100 << 10),
      WithFile("a.zip",
               worker::MakeArchive({{"a.txt", Text(200 << 10)}, {"b.csv", Text(50 << 10)}})),
      WithFile("a.png", worker::MakeQrPng("https://example.com/"))};
  return mails[kind];
}

struct Parts {
  worker::TestSignatures signatures;
  telemetry::MetricsRegistry registry;
  Metrics metrics{registry};
  std::unique_ptr<worker::ScanWorkers> workers;
  std::unique_ptr<WorkerEngine> engine;

  Parts() {
    worker::WorkersOptions options = worker::OptionsForTest(signatures);
    options.setup.clear_yara_rules();
    options.scratch_parent = "/dev/shm";  // as a service has it
    if (const char* program = std::getenv("CLEANMAIL_WORKER")) options.program = program;
    if (const char* rules = std::getenv("CLEANMAIL_YARA")) options.setup.add_yara_rules(rules);
    workers = std::make_unique<worker::ScanWorkers>(options, worker::WorkerEvents{});
    if (!worker::WaitReady(*workers).ok()) std::exit(1);
    engine = std::make_unique<WorkerEngine>(*workers, true, metrics);
  }
};

Parts& TheParts() {
  static Parts* const parts = new Parts();
  return *parts;
}

void BM_Worker(benchmark::State& state) {
  const std::string& mail = MailOf(state.range(0));
  for (auto _ : state) {
    const ParsedMessage message(mail);
    benchmark::DoNotOptimize(TheParts().engine->Examine(message));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Worker)->DenseRange(0, 3)->UseRealTime();

void BM_Clamd(benchmark::State& state) {
  ClamdDaemon daemon;
  daemon.Start();
  auto clamd = *Clamd::Create({.address = daemon.address()});
  const std::string& mail = MailOf(state.range(0));
  for (auto _ : state) benchmark::DoNotOptimize(clamd->Scan(mail));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Clamd)->DenseRange(0, 3)->UseRealTime();

void ScanFolder(const char* folder) {
  std::map<std::string, int> names;
  int count = 0;
  const absl::Time begin = absl::Now();
  absl::Duration longest;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().extension() == ".tsv") continue;
    std::ifstream file(entry.path());
    const std::string mail(std::istreambuf_iterator<char>(file), {});
    const absl::Time one = absl::Now();
    const ParsedMessage message(mail);
    const auto analysis = TheParts().engine->Examine(message);
    if (absl::Now() - one > longest) longest = absl::Now() - one;
    ++count;
    if (!analysis.ok()) {
      ++names[std::string(analysis.status().message())];
      continue;
    }
    std::map<std::string, int> once;
    for (const auto& finding : analysis->findings) {
      once[finding.name()] = 1;
      if (std::getenv("CLEANMAIL_EVIDENCE") != nullptr)
        std::printf("%s %s %s\n", entry.path().c_str(), finding.name().c_str(),
                    finding.evidence().c_str());
    }
    for (const auto& [name, _] : once) ++names[name];
  }
  std::printf("%d files, %.2f ms each, the longest %.0f ms\n", count,
              absl::ToDoubleMilliseconds(absl::Now() - begin) / count,
              absl::ToDoubleMilliseconds(longest));
  for (const auto& [name, times] : names) std::printf("%6d %s\n", times, name.c_str());
}

}  // namespace
}  // namespace cleanmail::scanner

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  if (const char* folder = std::getenv("CLEANMAIL_MAILS")) cleanmail::scanner::ScanFolder(folder);
  cleanmail::scanner::TheParts().workers.reset();
}
