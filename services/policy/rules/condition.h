#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proto/cleanmail/policy/v1/rules.pb.h"
#include "services/policy/rules/subject.h"

namespace cleanmail::policy {

// What can be said of a condition with what is known.
enum class Truth { kFalse, kTrue, kUnknown };

// One kind of condition, compiled. Immutable, thread-safe.
class Test {
 public:
  virtual ~Test() = default;
  // `recipient` in Lower form. Never asked before the stage it needs.
  virtual bool Holds(const Subject& subject, std::string_view recipient) const = 0;
};

// A condition as it is evaluated. A value; copies share the compiled part.
class Condition {
 public:
  // InvalidArgument whose message begins with `path` and the field in it:
  // "policy.rules[1].conditions[0].sender: …".
  static absl::StatusOr<Condition> Compile(const v1::Condition& condition, std::string_view path);

  // kUnknown where the subject's stage does not know enough.
  Truth Evaluate(const Subject& subject, std::string_view recipient) const {
    if (subject.stage() < stage_) return Truth::kUnknown;
    return test_->Holds(subject, recipient) != negated_ ? Truth::kTrue : Truth::kFalse;
  }
  // The first stage that knows enough.
  Stage stage() const { return stage_; }
  bool of_recipient() const { return of_recipient_; }
  bool of_attachment() const { return of_attachment_; }
  // How dear it is to evaluate, the cheapest 0: rules ask their cheap conditions first.
  int cost() const { return cost_; }

 private:
  std::shared_ptr<const Test> test_;  // shared: immutable
  bool negated_ = false;
  Stage stage_ = Stage::kEnvelope;
  bool of_recipient_ = false;
  bool of_attachment_ = false;
  int cost_ = 0;
};

// The condition in words: `the sender is "example.org"`.
std::string Describe(const v1::Condition& condition);

}  // namespace cleanmail::policy
