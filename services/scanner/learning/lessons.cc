#include "services/scanner/learning/lessons.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/hash.h"
#include "services/scanner/as_received.h"

namespace cleanmail::scanner::learning {
namespace {

constexpr size_t kLeastTokens = 5;
constexpr absl::Duration kTrainingTime = absl::Seconds(1);
constexpr int kRestFactor = 5;
constexpr absl::Duration kTrainAgain = absl::Hours(24);  // so that what is old counts less
constexpr size_t kMostAsked = 10'000;
constexpr absl::Duration kNewsTakes = absl::Hours(1);  // of a tenant, at the very most

// Half as much after a quarter of the time a lesson is kept.
float WeightAt(absl::Time now, int64_t learnt_at_us, absl::Duration keep) {
  const absl::Duration age = now - absl::FromUnixMicros(learnt_at_us);
  const double halves = std::floor(absl::FDivDuration(age, keep / 4) * 8) / 8;  // alike everywhere
  return static_cast<float>(std::exp2(-std::max(0.0, halves)));
}

}  // namespace

Lesson LessonOf(std::string_view mail, const TokenKey& key) {
  const ParsedMessage message(mail);
  // What relays add does not make another message of it.
  std::string digested;
  for (const std::string_view name : {"From", "Date", "Message-ID", "Subject"}) {
    const mail::mime::Field* const field = message.header.Find(name);
    digested += base::Cat(field == nullptr ? "" : field->value(), "\n");
  }
  digested += mail.substr(message.parts.list[0].body);
  return {.digest = crypto::Sha256Hex(digested), .features = FeaturesOf(TokensOf(message, key))};
}

absl::StatusOr<std::unique_ptr<Lessons>> Lessons::Create(Store& store, const base::Clock& clock,
                                                         Metrics& metrics, const TokenKey& fresh,
                                                         LearningOptions options) {
  CLEANMAIL_ASSIGN_OR_RETURN(const TokenKey key, store.KeyOr(fresh));
  return std::unique_ptr<Lessons>(new Lessons(store, clock, metrics, key, std::move(options)));
}

absl::StatusOr<Taught> Lessons::Teach(std::string_view tenant, Kind kind,
                                      std::span<const std::string_view> mails) {
  std::vector<Lesson> lessons;
  lessons.reserve(mails.size());
  for (size_t i = 0; i < mails.size(); ++i) {
    lessons.push_back(LessonOf(AsReceived(mails[i]), key_));
    if (lessons.back().features.size() < kLeastTokens)
      return absl::InvalidArgumentError(
          base::Cat("messages: number ", i + 1, " has no words to learn from"));
  }
  CLEANMAIL_ASSIGN_OR_RETURN(
      const Taught taught,
      store_.Teach(tenant, kind, lessons, absl::ToUnixMicros(clock_.Now()), options_.most));
  metrics_.lessons.Add(static_cast<double>(taught.learnt + taught.changed + taught.forgotten));
  return taught;
}

absl::StatusOr<LearningStatus> Lessons::StatusOf(std::string_view tenant) {
  LearningStatus status;
  CLEANMAIL_ASSIGN_OR_RETURN(status.state, store_.StateOf(tenant));
  absl::MutexLock lock(&mutex_);
  const auto found = trained_.find(tenant);
  if (found == trained_.end()) return status;
  status.ready = true;
  status.quality = found->second.model->quality();
  return status;
}

absl::Status Lessons::ForgetAll(std::string_view tenant) {
  return store_.ForgetAll(tenant, absl::ToUnixMicros(clock_.Now())).status();
}

bool Lessons::IsEnough(const LearningState& state, bool on_shared) const {
  const int64_t least = on_shared ? std::max<int64_t>(1, options_.least / 10) : options_.least;
  return state.spam >= least && state.ham >= least;
}

bool Lessons::IsStale(const LearningState& state, int64_t shared_version) const {
  absl::MutexLock lock(&mutex_);
  const auto found = trained_.find(state.tenant);
  return found == trained_.end() || found->second.version != state.version ||
         found->second.on_version != shared_version ||
         clock_.Now() - found->second.at > kTrainAgain;
}

std::vector<LearningState> Lessons::Wanted(std::vector<LearningState> states) {
  absl::MutexLock lock(&mutex_);
  const bool shared = std::ranges::any_of(states, [&](const LearningState& state) {
    return state.tenant == kShared && IsEnough(state, false);
  });
  std::erase_if(states, [&](const LearningState& state) {
    return !IsEnough(state, shared && state.tenant != kShared);
  });
  std::ranges::stable_sort(states, [&](const LearningState& a, const LearningState& b) {
    const auto rank = [&](const LearningState& state) {
      if (state.tenant == kShared) return absl::InfiniteFuture();
      const auto found = asked_.find(state.tenant);
      return found == asked_.end() ? absl::InfinitePast() : found->second;
    };
    mutex_.AssertHeld();
    return rank(a) > rank(b);
  });
  std::erase_if(trained_, [&](const auto& one) {
    return std::ranges::none_of(
        states, [&](const LearningState& state) { return state.tenant == one.first; });
  });
  return states;
}

absl::Status Lessons::Refresh() {
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<LearningState> states, store_.States());
  states = Wanted(std::move(states));
  const LearningState* const shared =
      !states.empty() && states[0].tenant == kShared ? &states[0] : nullptr;
  const absl::Time began = absl::Now();  // of work, not of the house's clock
  if (began < rest_until_) return absl::OkStatus();
  size_t bytes = 0;
  for (const LearningState& state : states) {
    const LearningState* const below = &state == shared ? nullptr : shared;
    if (absl::Now() - began > kTrainingTime) break;
    if (bytes < options_.bytes && IsStale(state, below == nullptr ? 0 : below->version))
      CLEANMAIL_RETURN_IF_ERROR(Train(state, below));
    absl::MutexLock lock(&mutex_);
    const auto found = trained_.find(state.tenant);
    if (found == trained_.end()) continue;
    bytes += found->second.model->bytes();
    if (bytes > options_.bytes && &state != shared) trained_.erase(found);
  }
  rest_until_ = absl::Now() + (absl::Now() - began) * kRestFactor;
  Measure();
  return absl::OkStatus();
}

absl::Status Lessons::Train(const LearningState& state, const LearningState* shared) {
  const absl::Time began = absl::Now();
  CLEANMAIL_ASSIGN_OR_RETURN(std::vector<RememberedLesson> lessons, store_.Lessons(state.tenant));
  std::shared_ptr<const Model> below;
  if (shared != nullptr) below = ModelsFor("").shared;
  std::vector<Example> examples;
  examples.reserve(lessons.size());
  const absl::Time now = clock_.Now();
  for (RememberedLesson& lesson : lessons) {
    const double offset = below == nullptr ? 0 : below->LogOdds(lesson.features);
    examples.push_back({.features = std::move(lesson.features),
                        .spam = lesson.kind == Kind::kSpam,
                        .weight = WeightAt(now, lesson.learnt_at_us, options_.keep),
                        .offset = static_cast<float>(offset)});
  }
  auto model = std::make_shared<const Model>(Model::Train(std::move(examples)));
  metrics_.training_seconds.Observe(absl::ToDoubleSeconds(absl::Now() - began));
  absl::MutexLock lock(&mutex_);
  trained_.insert_or_assign(state.tenant,
                            Trained{.model = std::move(model),
                                    .version = state.version,
                                    .on_version = shared == nullptr ? 0 : shared->version,
                                    .at = now});
  return absl::OkStatus();
}

void Lessons::Measure() {
  absl::MutexLock lock(&mutex_);
  size_t bytes = 0;
  for (const auto& [tenant, one] : trained_) bytes += one.model->bytes();
  metrics_.classifiers.Set(static_cast<double>(trained_.size()));
  metrics_.classifier_bytes.Set(static_cast<double>(bytes));
}

absl::Status Lessons::Sweep(const std::function<bool(const std::string& tenant)>& exists) {
  const absl::Time now = clock_.Now();
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<LearningState> states, store_.States());
  for (const LearningState& state : states) {
    const bool settled = absl::FromUnixMicros(state.changed_at_us) < now - kNewsTakes;
    const bool empty = state.spam == 0 && state.ham == 0;
    if (state.tenant != kShared && settled && !empty && !exists(state.tenant))
      CLEANMAIL_RETURN_IF_ERROR(ForgetAll(state.tenant));
  }
  return store_.ForgetBefore(absl::ToUnixMicros(now - options_.keep), absl::ToUnixMicros(now))
      .status();
}

Lessons::Models Lessons::ModelsFor(std::string_view tenant) const {
  Models models;
  absl::MutexLock lock(&mutex_);
  if (const auto found = trained_.find(std::string_view(kShared)); found != trained_.end())
    models.shared = found->second.model;
  if (tenant.empty() || tenant == kShared) return models;
  if (const auto found = trained_.find(tenant); found != trained_.end())
    models.own = found->second.model;
  if (const auto known = asked_.find(tenant); known != asked_.end()) {
    known->second = clock_.Now();
  } else {
    if (asked_.size() >= kMostAsked) asked_.clear();
    asked_.emplace(tenant, clock_.Now());
  }
  return models;
}

std::optional<Opinion> Lessons::Judge(std::string_view tenant, const ParsedMessage& message) const {
  const Models models = ModelsFor(tenant);
  if (models.shared == nullptr && models.own == nullptr) return std::nullopt;
  const Tokens tokens = TokensOf(message, key_);
  if (tokens.list.size() < kLeastTokens) return std::nullopt;
  return learning::Judge(models.shared.get(), models.own.get(), tokens);
}

}  // namespace cleanmail::scanner::learning
