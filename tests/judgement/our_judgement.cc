// our_judgement [--rules FOLDER]... [--unfitted yes]: reads names of message files
// from standard input and prints for each, between tabs: the name, its findings as
// ANALYZER:NAME=WEIGHT, the score, and the microseconds of processor time it took.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

#include <time.h>

#include "services/scanner/offline.h"

namespace {

int64_t ProcessorMicros() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

int main(int argc, char** argv) {
  cleanmail::scanner::v1::ScannerConfig settings;
  settings.mutable_spam_rules()->set_off(true);
  for (int i = 1; i + 1 < argc; i += 2) {
    if (argv[i] == std::string_view("--rules")) settings.mutable_spam_rules()->set_off(false);
    if (argv[i] == std::string_view("--rules"))
      settings.mutable_spam_rules()->add_folders(argv[i + 1]);
    if (argv[i] == std::string_view("--unfitted")) settings.mutable_weights()->set_unfitted(true);
  }
  const auto scanner = cleanmail::scanner::OfflineScanner::Create(settings);
  if (!scanner.ok()) {
    std::cerr << scanner.status() << '\n';
    return 2;
  }
  std::cerr << "ready\n";
  std::string name;
  while (std::getline(std::cin, name)) {
    std::ifstream file(name, std::ios::binary);
    const std::string mail(std::istreambuf_iterator<char>(file), {});
    const int64_t begin = ProcessorMicros();
    const auto scanned = (*scanner)->Scan(mail);
    const int64_t took = ProcessorMicros() - begin;
    if (!scanned.ok()) {
      std::cerr << name << ": " << scanned.status() << '\n';
      continue;
    }
    std::cout << name << '\t';
    for (const auto& finding : scanned->findings())
      std::cout << finding.analyzer() << ':' << finding.name() << '=' << finding.weight() << ' ';
    std::cout << '\t' << scanned->score() << '\t' << took << std::endl;  // one is waited for
  }
}
