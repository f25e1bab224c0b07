// What a million addresses cost in memory, and what it costs to answer for a recipient.
// bazel run -c opt //libs/directory:directory_benchmark

#include <cstdio>
#include <string>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "libs/base/cat.h"
#include "libs/directory/directory.h"
#include "libs/mail/address/domain.h"
#include "libs/mail/address/mailbox.h"

namespace cleanmail::directory {
namespace {

constexpr int kDomains = 1000;

size_t ResidentBytes() {
  long pages = 0;
  long resident = 0;
  if (FILE* file = std::fopen("/proc/self/statm", "r"); file != nullptr) {
    if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2) resident = 0;
    std::fclose(file);
  }
  return static_cast<size_t>(resident) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::string DomainName(int i) { return base::Cat("company", i % kDomains, ".example"); }

// `accounts` accounts with `aliases` aliases each.
void FillWith(Directory& directory, int accounts, int aliases) {
  for (int i = 0; i < kDomains; ++i) {
    provisioning::v1::DirectoryChanged change;
    change.set_name(base::Cat("tenants/t", i, "/domains/", DomainName(i)));
    change.mutable_domain()->set_recipient_mode(provisioning::v1::RECIPIENT_MODE_ACCOUNTS_REQUIRED);
    directory.Apply(change);
  }
  for (int i = 0; i < accounts; ++i) {
    provisioning::v1::DirectoryChanged change;
    change.set_name(
        base::Cat("tenants/t", i % kDomains, "/users/given.family", i, "@", DomainName(i)));
    change.mutable_user()->set_name(change.name());
    for (int alias = 0; alias < aliases; ++alias)
      change.mutable_user()->add_aliases(base::Cat("g.family", i, ".", alias, "@", DomainName(i)));
    directory.Apply(change);
  }
  directory.Complete();
}

// Memory of a million addresses: with one alias each, and with none.
void BM_AMillionAddresses(benchmark::State& state) {
  const int aliases = static_cast<int>(state.range(0));
  for (auto _ : state) {
    const size_t before = ResidentBytes();
    Directory directory;
    FillWith(directory, 1'000'000 / (1 + aliases), aliases);
    state.counters["MB"] = static_cast<double>(ResidentBytes() - before) / (1 << 20);
  }
}
BENCHMARK(BM_AMillionAddresses)->Arg(1)->Arg(0)->Iterations(1)->Unit(benchmark::kMillisecond);

// The answer for one recipient, from the text of RCPT on: parse, normalise, look up.
void BM_FindInAMillion(benchmark::State& state) {
  static Directory* const directory = [] {
    auto* filled = new Directory;
    FillWith(*filled, 500'000, 1);
    return filled;
  }();
  uint32_t i = 0;
  for (auto _ : state) {
    i = i * 1664525 + 1013904223;
    const int account = static_cast<int>(i >> 8) % 600'000;  // a sixth is unknown
    const std::string path = base::Cat("<Given.Family", account, "@", DomainName(account), ">");
    const auto parsed = mail::address::ParsePath(path, {});
    benchmark::DoNotOptimize(directory->Find(parsed->mailbox.local, parsed->mailbox.domain));
  }
}
BENCHMARK(BM_FindInAMillion);

}  // namespace
}  // namespace cleanmail::directory

BENCHMARK_MAIN();
