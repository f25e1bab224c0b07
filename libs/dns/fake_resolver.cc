#include "libs/dns/fake_resolver.h"

#include "absl/time/clock.h"

namespace cleanmail::dns {

FakeResolver::FakeResolver() : thread_([this] { Run(); }) {}

FakeResolver::~FakeResolver() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wakes_.notify_all();
  thread_.join();
  for (auto& [deadline, done] : waiting_)
    std::move(done)(absl::UnavailableError("the resolver is being closed"));
}

void FakeResolver::Run() {
  std::unique_lock lock(mutex_);
  while (!stop_) {
    if (waiting_.empty()) {
      wakes_.wait(lock);
    } else if (waiting_.begin()->first > absl::Now()) {
      wakes_.wait_until(lock, absl::ToChronoTime(waiting_.begin()->first));
    } else {
      Done done = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      lock.unlock();
      std::move(done)(absl::UnavailableError("no answer in time"));
      lock.lock();
    }
  }
}

void FakeResolver::Set(const std::string& name, Type type, Answer answer) {
  if (answer.ttl == absl::ZeroDuration()) answer.ttl = absl::Hours(1);
  const std::lock_guard lock(mutex_);
  zone_[{name, type}] = std::move(answer);
}

void FakeResolver::Remove(const std::string& name) {
  const std::lock_guard lock(mutex_);
  std::erase_if(zone_, [&name](const auto& entry) { return entry.first.first == name; });
}

void FakeResolver::Fail(const std::string& name) {
  const std::lock_guard lock(mutex_);
  failing_.insert(name);
}

void FakeResolver::Hang(const std::string& name) {
  const std::lock_guard lock(mutex_);
  hanging_.insert(name);
}

void FakeResolver::Heal() {
  const std::lock_guard lock(mutex_);
  failing_.clear();
  hanging_.clear();
}

std::vector<Question> FakeResolver::asked() const {
  const std::lock_guard lock(mutex_);
  return asked_;
}

void FakeResolver::Lookup(const Question& question, absl::Time deadline, Done done) {
  absl::StatusOr<Answer> answer = absl::NotFoundError(question.name + ": no such name");
  {
    const std::lock_guard lock(mutex_);
    asked_.push_back(question);
    if (hanging_.contains(question.name) || hanging_.contains("")) {
      waiting_.emplace(deadline, std::move(done));
      wakes_.notify_all();
      return;
    }
    if (failing_.contains(question.name) || failing_.contains("")) {
      answer = absl::UnavailableError("no server answered");
    } else if (const auto it = zone_.find({question.name, question.type}); it != zone_.end()) {
      answer = it->second;
    }
  }
  std::move(done)(std::move(answer));
}

}  // namespace cleanmail::dns
