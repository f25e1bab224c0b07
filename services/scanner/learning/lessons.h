#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "libs/base/clock.h"
#include "services/scanner/learning/model.h"
#include "services/scanner/learning/store.h"
#include "services/scanner/metrics.h"

namespace cleanmail::scanner::learning {

struct LearningOptions {
  // Nothing is said until as many of each kind were taught; on top of a shared classifier that
  // speaks, a tenth for a tenant's own.
  int64_t least = 200;
  // Messages remembered of each kind and tenant; the oldest go.
  int64_t most = 5000;
  // How long a message is remembered. After a quarter of it, it counts half.
  absl::Duration keep = absl::Hours(24 * 730);
  // Of all classifiers in memory; tenants whose mail came least recently go without.
  size_t bytes = 64 << 20;
};

// What a tenant has learnt, and how well.
struct LearningStatus {
  LearningState state;
  // Whether this instance judges by it. False for a while after many were taught.
  bool ready = false;
  Quality quality;
};

// What was taught, and what follows from it. Every instance trains its classifiers from the same
// rows, which are the only truth: unlearning is exact, and nothing of a tenant's is in another's.
// Thread-safe.
class Lessons {
 public:
  // All outlive it. `fresh` becomes the installation's key when it has none yet.
  static absl::StatusOr<std::unique_ptr<Lessons>> Create(Store& store, const base::Clock& clock,
                                                         Metrics& metrics, const TokenKey& fresh,
                                                         LearningOptions options);

  // Mails as files have them. InvalidArgument: one is no mail.
  absl::StatusOr<Taught> Teach(std::string_view tenant, Kind kind,
                               std::span<const std::string_view> mails);
  absl::StatusOr<LearningStatus> StatusOf(std::string_view tenant);
  // Forgets all a tenant has learnt.
  absl::Status ForgetAll(std::string_view tenant);

  // Sees what was taught, here or by other instances, and trains what changed, a second at a time
  // and a small part of all time. Never twice at once.
  absl::Status Refresh();
  // How many of each kind must be taught before anything is said.
  int64_t least() const { return options_.least; }
  // Forgets what is old, and all that tenants had learnt of whom `exists` is false; not what was
  // taught within the last hour, of whom news may be under way.
  absl::Status Sweep(const std::function<bool(const std::string& tenant)>& exists);

  // nullopt: not enough was learnt, or the message has hardly any words.
  std::optional<Opinion> Judge(std::string_view tenant, const ParsedMessage& message) const;

 private:
  struct Trained {
    std::shared_ptr<const Model> model;  // shared with judgements that still use it
    int64_t version = 0;
    int64_t on_version = 0;  // of the shared classifier it stands on; 0: on none
    absl::Time at;
  };
  struct Models {
    std::shared_ptr<const Model> shared;
    std::shared_ptr<const Model> own;
  };

  Lessons(Store& store, const base::Clock& clock, Metrics& metrics, const TokenKey& key,
          LearningOptions options)
      : store_(store), clock_(clock), metrics_(metrics), key_(key), options_(std::move(options)) {}

  Models ModelsFor(std::string_view tenant) const;
  bool IsEnough(const LearningState& state, bool on_shared) const;
  // Whether `state` asks for other training than what is there.
  bool IsStale(const LearningState& state, int64_t shared_version) const;
  absl::Status Train(const LearningState& state, const LearningState* shared);
  // States to have classifiers of, the shared one first, then as their mail came.
  std::vector<LearningState> Wanted(std::vector<LearningState> states);
  void Measure();

  Store& store_;
  const base::Clock& clock_;
  Metrics& metrics_;
  const TokenKey key_;
  const LearningOptions options_;
  absl::Time rest_until_ = absl::InfinitePast();  // only Refresh

  mutable absl::Mutex mutex_;
  std::map<std::string, Trained, std::less<>> trained_ ABSL_GUARDED_BY(mutex_);
  mutable std::map<std::string, absl::Time, std::less<>> asked_ ABSL_GUARDED_BY(mutex_);
};

// The lesson a mail is: `mail` as it would have been received.
Lesson LessonOf(std::string_view mail, const TokenKey& key);

}  // namespace cleanmail::scanner::learning
