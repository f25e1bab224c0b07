// rule_hits FOLDER... : reads names of message files from standard input and prints, for each, the
// rules that fire with their counts, a tab, the score and the microseconds of processor time it
// took. With --status the rules of the folders are listed instead, with why they do not run; with
// --network-status, as they are where lists in the DNS may be asked. With --questions FOLDER... the
// questions a message would cost are printed instead, and the processor time they take to find; no
// list has anything, and nobody is asked.
#include <chrono>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include <time.h>

#include "services/scanner/analyzers/spam/rules/rule_folders.h"
#include "services/scanner/analyzers/spam/rules/rule_set.h"

namespace {

namespace spam = cleanmail::scanner::spam;

void PrintStatus(const spam::RuleSet& set) {
  for (const spam::RuleStatus& rule : set.Status())
    std::cout << rule.name << '\t' << (rule.active ? "active" : "off") << '\t' << rule.reason
              << '\n';
  for (const spam::RuleProblem& problem : set.problems())
    std::cerr << problem.file << ':' << problem.line << ": " << problem.what << '\n';
}

std::string WithCrlf(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n' && (i == 0 || text[i - 1] != '\r')) out += '\r';
    out += text[i];
  }
  return out;
}

int64_t ProcessorMicros() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

void Judge(const spam::RuleSet& set, const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  const std::string message = WithCrlf(std::string(std::istreambuf_iterator<char>(file), {}));
  const int64_t begin = ProcessorMicros();
  set.Judge(message, {});
  const int64_t took = ProcessorMicros() - begin;
  const spam::RuleVerdict verdict = set.Judge(message, {}, true);
  std::cout << name << '\t';
  for (const auto* hits : {&verdict.hits, &verdict.hidden_hits}) {
    for (const spam::RuleHit& hit : *hits) std::cout << *hit.name << '=' << hit.value << ' ';
  }
  std::cout << '\t' << verdict.score << '\t' << took << '\n';
  for (const std::string& rule : verdict.gave_up) std::cerr << name << ": gave up " << rule << '\n';
}

void Ask(const spam::RuleSet& set, const std::string& name) {
  std::ifstream file(name, std::ios::binary);
  const std::string message = WithCrlf(std::string(std::istreambuf_iterator<char>(file), {}));
  const spam::MailView mail = set.Read(message);
  set.Judge(mail, {});  // what judging finds out as well is not counted
  cleanmail::mail::auth::Lookups lookups(150);
  spam::MessageKnowledge knowledge;
  knowledge.lookups = &lookups;
  const int64_t begin = ProcessorMicros();
  for (int round = 0; round < 10; ++round) {
    set.AskLists(mail, knowledge);
    const auto wanted = lookups.TakeWanted();
    if (wanted.empty()) break;
    for (const auto& question : wanted) lookups.Tell(question, absl::NotFoundError("none"));
  }
  std::cout << name << '\t' << lookups.asked() << '\t' << ProcessorMicros() - begin << '\n';
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> folders(argv + 1, argv + argc);
  const std::string mode = folders.empty() ? "" : folders[0];
  const bool questions = mode == "--questions";
  const bool network = questions || mode == "--network-status";
  const bool status = mode == "--status" || mode == "--network-status";
  if (status || questions) folders.erase(folders.begin());
  const auto files = spam::LoadRuleFolders(folders);
  if (!files.ok()) {
    std::cerr << files.status() << '\n';
    return 2;
  }
  spam::RuleSetOptions options;
  options.network = network;
  const auto begin = std::chrono::steady_clock::now();
  const auto set = spam::RuleSet::Build(spam::ReadRuleFiles(*files), options);
  const auto took = std::chrono::steady_clock::now() - begin;
  std::cerr << "rules ready in "
            << std::chrono::duration_cast<std::chrono::milliseconds>(took).count()
            << " ms, patterns take " << set->pattern_bytes() / 1024 << " KiB\n";
  if (status) {
    PrintStatus(*set);
    return 0;
  }
  std::string name;
  while (std::getline(std::cin, name)) questions ? Ask(*set, name) : Judge(*set, name);
}
