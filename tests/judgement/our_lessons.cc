// our_lessons: what the scanner says of mails by what it was taught. Reads lines from standard
// input, each a word, a tab and the name of a message file. `spam` and `ham` teach the file, all
// before the first `judge`, which is answered by a line: name, what its finding weighs (0 where
// there is none), the finding; between tabs.
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <iterator>

#include "libs/base/clock.h"
#include "libs/store/sql/test_database.h"
#include "services/scanner/analyzers/learned/learned.h"
#include "services/scanner/as_received.h"
#include "services/scanner/learning/lessons.h"

namespace cleanmail::scanner {
namespace {

// What an operator has who teaches all tenants, and nothing else of a scanner.
class Installation {
 public:
  void Teach(learning::Kind kind, std::string_view mail) {
    // What has no words to learn from is left out.
    (void)lessons_->Teach(learning::kShared, kind, {&mail, 1});
  }

  // Makes a classifier of what was taught.
  absl::Status Learn() { return lessons_->Refresh(); }

  Findings Judge(std::string_view mail) {
    const std::string bytes = AsReceived(mail);
    return Learned(*lessons_).Analyze(ParsedMessage(bytes)).value();
  }

 private:
  std::unique_ptr<sql::Database> database_ = sql::NewTestDatabase(learning::Migrations());
  learning::Store store_{*database_};
  base::SystemClock clock_;
  telemetry::MetricsRegistry registry_;
  Metrics metrics_{registry_};
  std::unique_ptr<learning::Lessons> lessons_ =
      learning::Lessons::Create(store_, clock_, metrics_, {1, 2}, {}).value();
};

void Run() {
  Installation installation;
  bool learnt = false;
  std::string what, name;
  while (std::getline(std::cin, what, '\t') && std::getline(std::cin, name)) {
    std::ifstream file(name, std::ios::binary);
    const std::string mail(std::istreambuf_iterator<char>(file), {});
    if (what != "judge") {
      installation.Teach(what == "spam" ? learning::Kind::kSpam : learning::Kind::kHam, mail);
      continue;
    }
    if (!learnt && !installation.Learn().ok()) std::exit(2);
    learnt = true;
    const Findings findings = installation.Judge(mail);
    std::cout << name << '\t' << (findings.empty() ? 0 : findings[0].weight()) << '\t'
              << (findings.empty() ? "" : findings[0].name()) << std::endl;  // one is waited for
  }
}

}  // namespace
}  // namespace cleanmail::scanner

int main() { cleanmail::scanner::Run(); }
