#include "libs/dns/ask_all.h"

#include <atomic>
#include <memory>
#include <utility>

namespace cleanmail::dns {
namespace {

// Shared by the answers on their way.
struct Asked {
  explicit Asked(size_t n) : left(n), answers(n, absl::UnknownError("not answered yet")) {}
  std::atomic<size_t> left;
  std::vector<absl::StatusOr<Answer>> answers;
  absl::AnyInvocable<void(std::vector<absl::StatusOr<Answer>>) &&> done;
};

}  // namespace

void AskAll(Resolver& resolver, const std::vector<Question>& questions, absl::Time deadline,
            absl::AnyInvocable<void(std::vector<absl::StatusOr<Answer>>) &&> done) {
  if (questions.empty()) return std::move(done)({});
  const auto asked = std::make_shared<Asked>(questions.size());
  asked->done = std::move(done);
  for (size_t i = 0; i < questions.size(); ++i) {
    resolver.Lookup(questions[i], deadline, [asked, i](absl::StatusOr<Answer> answer) {
      asked->answers[i] = std::move(answer);
      if (asked->left.fetch_sub(1) == 1) std::move(asked->done)(std::move(asked->answers));
    });
  }
}

}  // namespace cleanmail::dns
