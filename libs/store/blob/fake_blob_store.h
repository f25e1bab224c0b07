#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "libs/store/blob/blob_store.h"

namespace cleanmail::blob {

// Bodies in memory, unsealed, without an end of life. A body is kept once TakeBatch of its Finished
// was called (which gives nullopt). Thread-safe.
class FakeBlobStore final : public BlobStore {
 public:
  FakeBlobStore() : state_(std::make_shared<State>()) {}

  absl::StatusOr<std::unique_ptr<Writer>> Create(const BlobName& name) override {
    if (absl::Status failure = state_->TakeFailure(); !failure.ok()) return failure;
    return std::make_unique<FakeWriter>(state_, Key(name.tenant, name.message));
  }
  absl::StatusOr<std::string> Read(const BlobName& name) override {
    if (absl::Status failure = state_->TakeFailure(); !failure.ok()) return failure;
    std::lock_guard lock(state_->mutex);
    const auto it = state_->bodies.find({name.tenant, name.message});
    if (it == state_->bodies.end()) return absl::NotFoundError("no such body");
    return it->second;
  }
  absl::Status Extend(const BlobName& name, std::string_view holder, absl::Time until) override {
    if (absl::Status failure = state_->TakeFailure(); !failure.ok()) return failure;
    std::lock_guard lock(state_->mutex);
    absl::Time& kept =
        state_->kept_until.try_emplace({name.tenant, name.message}, absl::InfinitePast())
            .first->second;
    kept = std::max(kept, until);
    state_->holders.emplace(holder);
    return absl::OkStatus();
  }
  absl::Status Forget(const BlobName& name) override {
    if (absl::Status failure = state_->TakeFailure(); !failure.ok()) return failure;
    std::lock_guard lock(state_->mutex);
    state_->bodies.erase({name.tenant, name.message});
    return absl::OkStatus();
  }
  absl::StatusOr<int64_t> Sweep() override { return 0; }

  // Keeps a body at once.
  void Put(const BlobName& name, std::string body) {
    std::lock_guard lock(state_->mutex);
    state_->bodies[{name.tenant, name.message}] = std::move(body);
  }
  // The next `times` calls of Create, Read, Extend, Forget or Writer::Finish end with `status`.
  void FailNext(absl::Status status, int times = 1) {
    std::lock_guard lock(state_->mutex);
    for (int i = 0; i < times; ++i) state_->failures.push_back(status);
  }
  size_t size() const {
    std::lock_guard lock(state_->mutex);
    return state_->bodies.size();
  }
  // The latest time a body was extended to; InfinitePast when never.
  absl::Time kept_until(const BlobName& name) const {
    std::lock_guard lock(state_->mutex);
    const auto it = state_->kept_until.find({name.tenant, name.message});
    return it == state_->kept_until.end() ? absl::InfinitePast() : it->second;
  }

 private:
  using Key = std::pair<std::string, std::string>;
  struct State {
    mutable std::mutex mutex;
    std::map<Key, std::string> bodies;
    std::map<Key, absl::Time> kept_until;
    std::set<std::string> holders;
    std::vector<absl::Status> failures;
    absl::Status TakeFailure() {
      std::lock_guard lock(mutex);
      if (failures.empty()) return absl::OkStatus();
      absl::Status failure = failures.front();
      failures.erase(failures.begin());
      return failure;
    }
  };
  class FakeFinished final : public Finished {
   public:
    FakeFinished(std::shared_ptr<State> state, Key key, std::string body)
        : state_(std::move(state)), key_(std::move(key)), body_(std::move(body)) {}
    std::optional<spool::Batch> TakeBatch() override {
      std::lock_guard lock(state_->mutex);
      state_->bodies[key_] = std::move(body_);
      return std::nullopt;
    }

   private:
    std::shared_ptr<State> state_;
    Key key_;
    std::string body_;
  };
  class FakeWriter final : public Writer {
   public:
    FakeWriter(std::shared_ptr<State> state, Key key)
        : state_(std::move(state)), key_(std::move(key)) {}
    bool Append(std::string_view bytes, absl::AnyInvocable<void() &&>) override {
      body_ += bytes;
      return true;
    }
    void Finish(
        absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Finished>>) &&> done) override {
      if (absl::Status failure = state_->TakeFailure(); !failure.ok())
        return std::move(done)(failure);
      std::move(done)(std::make_unique<FakeFinished>(state_, key_, std::move(body_)));
    }

   private:
    std::shared_ptr<State> state_;
    Key key_;
    std::string body_;
  };

  std::shared_ptr<State> state_;  // shared with writers, which a test may keep longer
};

}  // namespace cleanmail::blob
