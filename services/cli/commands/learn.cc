// learn spam|ham|forget|status|reset: what mails in files are, for the scanner to learn.
#include <iostream>
#include <memory>
#include <utility>

#include <unistd.h>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/cli/command_line.h"
#include "services/cli/files.h"
#include "services/cli/mailbox_file.h"
#include "services/cli/scan_report.h"

namespace cleanmail::cli {
namespace {

using base::Json;

constexpr size_t kMostAtOnce = 200;
constexpr size_t kBytesAtOnce = 1 << 20;
constexpr size_t kLargestMail = 8 << 20;  // as scanner.proto says

struct Arguments {
  std::string tenant = "-";
  std::vector<std::string> paths;
  bool quiet = false;
};

// Calls about what a tenant has learnt; which tenant there is not, is said.
absl::StatusOr<Json> CallLearning(const Connection& connection, const std::string& tenant,
                                  const std::string& method, const std::string& verb = "",
                                  const Json* body = nullptr) {
  absl::StatusOr<Json> answer =
      connection.Call(method, base::Cat("/v1/tenants/", tenant, "/learning", verb), body);
  if (absl::IsNotFound(answer.status()))
    return absl::NotFoundError(base::Cat("there is no tenant '", tenant, "'"));
  return answer;
}

int64_t Number(const Json& json, std::string_view name) {
  int64_t number = 0;
  return absl::SimpleAtoi(Shown(json, name), &number) ? number : 0;
}

std::string Percent(const Json& json, std::string_view name) {
  double share = 0;
  if (!absl::SimpleAtod(Shown(json, name), &share)) share = 0;
  return absl::StrFormat("%.1f %%", share * 100);
}

std::string Summary(const Json& learning) {
  std::string text = base::Cat(Number(learning, "spamCount"), " spam and ",
                               Number(learning, "hamCount"), " ham remembered");
  const Json* const ready = learning.Find("ready");
  if (ready == nullptr || !ready->boolean)
    return base::Cat(text, "; mail is not judged by it yet: that takes ",
                     Number(learning, "leastCount"), " of each, and some seconds");
  return base::Cat(text, "; mail is judged by it. Of these, had they not been taught: ",
                   Percent(learning, "missedShare"), " of spam missed, ",
                   Percent(learning, "falseShare"), " of ham taken for spam");
}

// Sends mails in batches and adds up what became of them.
class Teacher {
 public:
  Teacher(const Connection& connection, std::string tenant, std::string lesson)
      : connection_(connection), tenant_(std::move(tenant)), lesson_(std::move(lesson)) {}

  // Mails that cannot be learnt are told of on standard error; the others go on.
  absl::Status Take(const std::string& file, const std::string& bytes) {
    for (const std::string_view mail : MailsIn(bytes)) {
      if (mail.size() > kLargestMail) {
        Refuse(file, "larger than 8 MiB");
        continue;
      }
      if (batch_.size() >= kMostAtOnce || (bytes_ + mail.size() > kBytesAtOnce && bytes_ > 0))
        CLEANMAIL_RETURN_IF_ERROR(Send());
      batch_.push_back({.file = file, .mail = std::string(mail)});
      bytes_ += mail.size();
    }
    return absl::OkStatus();
  }

  absl::Status Send() {
    std::vector<Waiting> batch = std::exchange(batch_, {});
    bytes_ = 0;
    if (batch.empty()) return absl::OkStatus();
    const absl::Status sent = SendAll(batch);
    if (!absl::IsInvalidArgument(sent)) return sent;
    if (batch.size() == 1) {
      Refuse(batch[0].file, base::View(sent.message()));
      return absl::OkStatus();
    }
    for (Waiting& one : batch) {  // so that one that is no mail does not keep the others out
      batch_.push_back(std::move(one));
      CLEANMAIL_RETURN_IF_ERROR(Send());
    }
    return absl::OkStatus();
  }

  void Refuse(const std::string& file, std::string_view why) {
    ++refused_;
    std::cerr << file << ": " << why << "\n";
  }

  size_t refused() const { return refused_; }
  int64_t done() const { return learnt_ + changed_ + known_ + forgotten_; }
  std::string Totals() const {
    std::string text = lesson_ == "LESSON_FORGET"
                           ? base::Cat(forgotten_, " forgotten, ", known_, " were not known")
                           : base::Cat(learnt_, " learnt, ", changed_,
                                       " learnt as the other kind before, ", known_, " known");
    if (refused_ > 0) text += base::Cat(", ", refused_, " not taken");
    return text;
  }
  Json Report() const {
    Json report = learning_;
    report["learntCount"] = Json::Number(learnt_);
    report["changedCount"] = Json::Number(changed_);
    report["knownCount"] = Json::Number(known_);
    report["forgottenCount"] = Json::Number(forgotten_);
    report["refusedCount"] = Json::Number(static_cast<int64_t>(refused_));
    return report;
  }
  const Json& learning() const { return learning_; }

 private:
  struct Waiting {
    std::string file;
    std::string mail;
  };

  absl::Status SendAll(const std::vector<Waiting>& batch) {
    Json body = Json::Object();
    body["lesson"] = Json::String(lesson_);
    Json mails = Json::Array();
    for (const Waiting& one : batch) mails.Add(Json::String(absl::Base64Escape(one.mail)));
    body["messages"] = std::move(mails);
    CLEANMAIL_ASSIGN_OR_RETURN(const Json answer,
                               CallLearning(connection_, tenant_, "POST", ":teach", &body));
    learnt_ += Number(answer, "learntCount");
    changed_ += Number(answer, "changedCount");
    known_ += Number(answer, "knownCount");
    forgotten_ += Number(answer, "forgottenCount");
    if (const Json* const learning = answer.Find("learning"); learning != nullptr)
      learning_ = *learning;
    return absl::OkStatus();
  }

  const Connection& connection_;
  const std::string tenant_;
  const std::string lesson_;
  std::vector<Waiting> batch_;
  size_t bytes_ = 0;
  int64_t learnt_ = 0, changed_ = 0, known_ = 0, forgotten_ = 0;
  size_t refused_ = 0;
  Json learning_ = Json::Object();
};

absl::Status Teach(CommandLine& line, const Connection& connection, const Arguments& a,
                   const std::string& lesson) {
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesBelow(a.paths));
  if (files.empty()) return absl::NotFoundError("there are no files");
  Teacher teacher(connection, a.tenant, lesson);
  const bool live = isatty(STDERR_FILENO) == 1;
  for (size_t i = 0; i < files.size(); ++i) {
    const absl::StatusOr<std::string> bytes = ReadFile(files[i]);
    if (!bytes.ok()) {
      teacher.Refuse(files[i], base::View(bytes.status().message()));
      continue;
    }
    CLEANMAIL_RETURN_IF_ERROR(teacher.Take(files[i], *bytes));
    if (!a.quiet && live) std::cerr << "\rread " << i + 1 << " of " << files.size() << std::flush;
  }
  if (!a.quiet && live) std::cerr << "\n";
  CLEANMAIL_RETURN_IF_ERROR(teacher.Send());
  if (line.format == Format::kJson) {
    std::cout << teacher.Report().Print(true) << "\n";
  } else {
    std::cout << teacher.Totals() << "\n";
    if (teacher.done() > 0) std::cout << Summary(teacher.learning()) << "\n";
  }
  if (teacher.refused() > 0) line.exit_code = 1;
  return absl::OkStatus();
}

absl::Status Show(const CommandLine& line, const absl::StatusOr<Json>& learning) {
  if (!learning.ok()) return learning.status();
  std::cout << (line.format == Format::kJson ? learning->Print(true) : Summary(*learning)) << "\n";
  return absl::OkStatus();
}

}  // namespace

void AddLearnCommands(CommandLine& line) {
  const auto a = std::make_shared<Arguments>();  // shared with the verbs' callbacks
  CLI::App* const learn =
      line.app.add_subcommand("learn", "Teach the scanner what is spam")->require_subcommand(1);
  const auto add = [&](const char* name, const char* what) {
    CLI::App* const verb = learn->add_subcommand(name, what);
    verb->add_option("--tenant", a->tenant, "Whose mail is judged by it; default: all tenants'");
    return verb;
  };
  const auto teach = [&](const char* name, const char* what, const char* lesson) {
    CLI::App* const verb = add(name, what);
    verb->add_option("PATH", a->paths,
                     "Mails, mbox files, and folders with all that is below; - is standard input")
        ->required();
    verb->add_flag("--quiet", a->quiet, "No progress");
    line.WhenChosen(verb, [a, &line, lesson = std::string(lesson)](const Connection& connection) {
      return Teach(line, connection, *a, lesson);
    });
  };
  teach("spam", "These mails are spam. Exit code 1 when some could not be learnt", "LESSON_SPAM");
  teach("ham", "These mails are wanted", "LESSON_HAM");
  teach("forget", "Unlearn what was learnt of these mails", "LESSON_FORGET");
  line.WhenChosen(add("status", "What was learnt, and how well it tells spam from ham"),
                  [a, &line](const Connection& connection) {
                    return Show(line, CallLearning(connection, a->tenant, "GET"));
                  });
  line.WhenChosen(add("reset", "Forget all that was learnt"),
                  [a, &line](const Connection& connection) {
                    return Show(line, CallLearning(connection, a->tenant, "DELETE"));
                  });
}

}  // namespace cleanmail::cli
