#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "libs/dns/resolver.h"

namespace cleanmail::dns {

// A DNS of a few names, for tests. What was not set does not exist. Thread-safe.
class FakeResolver final : public Resolver {
 public:
  FakeResolver();
  ~FakeResolver() override;

  void SetA(const std::string& name, std::vector<std::string> addresses) {
    Set(name, Type::kA, {.addresses = std::move(addresses)});
  }
  void SetAaaa(const std::string& name, std::vector<std::string> addresses) {
    Set(name, Type::kAaaa, {.addresses = std::move(addresses)});
  }
  void SetMx(const std::string& name, std::vector<MxRecord> mx) {
    Set(name, Type::kMx, {.mx = std::move(mx)});
  }
  void SetTxt(const std::string& name, std::vector<std::string> texts) {
    Set(name, Type::kTxt, {.texts = std::move(texts)});
  }
  void Set(const std::string& name, Type type, Answer answer);  // a ttl of zero becomes an hour
  void Remove(const std::string& name);
  // Every question for `name` is answered Unavailable at once / only at its deadline. "" is every
  // name.
  void Fail(const std::string& name);
  void Hang(const std::string& name);
  // Names fail and hang no longer.
  void Heal();
  // Questions asked so far.
  std::vector<Question> asked() const;

  void Lookup(const Question& question, absl::Time deadline,
              absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) override;

 private:
  using Done = absl::AnyInvocable<void(absl::StatusOr<Answer>) &&>;
  void Run();
  mutable std::mutex mutex_;
  std::condition_variable wakes_;
  bool stop_ = false;
  std::map<std::pair<std::string, Type>, Answer> zone_;
  std::set<std::string> failing_;
  std::set<std::string> hanging_;
  std::multimap<absl::Time, Done> waiting_;
  std::vector<Question> asked_;
  std::thread thread_;
};

}  // namespace cleanmail::dns
