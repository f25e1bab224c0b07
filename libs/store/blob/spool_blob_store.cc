#include "libs/store/blob/spool_blob_store.h"

#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "libs/base/status_macros.h"
#include "libs/crypto/hash.h"
#include "libs/crypto/sealing.h"
#include "libs/store/blob/blob_layout.h"
#include "libs/store/blob/body_key.h"
#include "libs/store/blob/recent_bodies.h"

namespace cleanmail::blob {
namespace {

using spool::Batch;
using spool::Durability;
using spool::Table;

constexpr size_t kOutstandingBytes =
    4 * crypto::kChunkBytes;  // given to the spool and not applied, for one writer
constexpr absl::Duration kReclaimInterval = absl::Hours(1);
constexpr size_t kBodiesAtOnce = 2000;  // that the sweeper looks at while nobody can extend one

constexpr absl::Duration kRecentLife = absl::Seconds(10);
constexpr size_t kLongestRecent = 256 << 10;  // a writer holds so much

// A body as it came, for those who read it soon.
struct Plain {
  std::shared_ptr<RecentBodies> recent;  // shared with the store, which may be gone before
  BlobName name;
  std::string body;
  absl::Time written;
};

class SpoolFinished final : public Finished {
 public:
  SpoolFinished(Batch batch, std::optional<Plain> plain)
      : batch_(std::move(batch)), plain_(std::move(plain)) {}
  std::optional<Batch> TakeBatch() override {
    if (plain_) plain_->recent->Keep(plain_->name, std::move(plain_->body), plain_->written);
    return std::move(batch_);
  }

 private:
  Batch batch_;
  std::optional<Plain> plain_;
};

// What a writer shares with its chunks on their way: the writer may be gone before they are.
struct Outstanding {
  std::mutex mutex;
  size_t bytes = 0;  // all guarded by mutex
  absl::Status failure;
  absl::AnyInvocable<void() &&> ready;
  absl::AnyInvocable<void(absl::Status) &&> drained;
};

void ChunkApplied(Outstanding& outstanding, size_t bytes, absl::Status status) {
  absl::AnyInvocable<void() &&> ready;
  absl::AnyInvocable<void(absl::Status) &&> drained;
  absl::Status failure;
  {
    std::lock_guard lock(outstanding.mutex);
    outstanding.bytes -= bytes;
    outstanding.failure.Update(std::move(status));
    failure = outstanding.failure;
    if (outstanding.ready && outstanding.bytes < kOutstandingBytes)
      ready = std::exchange(outstanding.ready, nullptr);
    if (outstanding.drained && outstanding.bytes == 0)
      drained = std::exchange(outstanding.drained, nullptr);
  }
  if (ready) std::move(ready)();
  if (drained) std::move(drained)(failure);
}

class SpoolWriter final : public Writer {
 public:
  SpoolWriter(spool::Spool& spool, std::shared_ptr<RecentBodies> recent, BlobName name,
              std::string salt, std::string_view body_key, int64_t now_us)
      : spool_(spool),
        recent_(std::move(recent)),
        name_(std::move(name)),
        salt_(std::move(salt)),
        now_us_(now_us),
        sealer_(body_key),
        outstanding_(std::make_shared<Outstanding>()) {}

  bool Append(std::string_view bytes, absl::AnyInvocable<void() &&> ready) override {
    // A full chunk is sealed only when more follows: the last one is sealed as the last.
    while (pending_.size() + bytes.size() > crypto::kChunkBytes) {
      const std::string_view part = bytes.substr(0, crypto::kChunkBytes - pending_.size());
      bytes.remove_prefix(part.size());
      if (pending_.empty()) {
        SendChunk(part);
      } else {
        pending_.append(part);
        SendChunk(pending_);
        pending_.clear();
      }
    }
    pending_.append(bytes);
    std::lock_guard lock(outstanding_->mutex);
    if (outstanding_->bytes < kOutstandingBytes) return true;
    outstanding_->ready = std::move(ready);
    return false;
  }

  void Finish(
      absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Finished>>) &&> done) override {
    Batch batch = std::move(held_);
    batch.Put(Table::kBodies, ChunkKey(name_, number_), SealedChunk(true, pending_));
    std::optional<Plain> plain;
    if (!too_long_) {
      plain = {recent_, name_, std::move(plain_), absl::FromUnixMicros(now_us_)};
      plain->body.append(pending_);
    }
    auto answer = [done = std::move(done), batch = std::move(batch),
                   plain = std::move(plain)](absl::Status status) mutable {
      if (!status.ok()) return std::move(done)(std::move(status));
      std::move(done)(std::make_unique<SpoolFinished>(std::move(batch), std::move(plain)));
    };
    absl::Status failure;
    {
      std::lock_guard lock(outstanding_->mutex);
      if (outstanding_->bytes > 0) {
        outstanding_->drained = std::move(answer);
        return;
      }
      failure = outstanding_->failure;
    }
    answer(failure);
  }

 private:
  std::string SealedChunk(bool last, std::string_view plain) {
    std::string value =
        EncodeChunkHead({.last = last, .first = number_ == 0, .time_us = now_us_, .salt = salt_});
    sealer_.Seal(number_, last, plain, value);
    return value;
  }
  // Seals a full chunk and hands over the one before it. The newest is held back, so that a body of
  // up to two chunks, which most mails are, is one batch with its event: no commit of its own to
  // wait for.
  void SendChunk(std::string_view plain) {
    too_long_ = too_long_ || plain_.size() + plain.size() > kLongestRecent;
    if (too_long_) {
      plain_ = {};
    } else {
      plain_.append(plain);
    }
    Batch batch = std::exchange(held_, Batch());
    held_.Put(Table::kBodies, ChunkKey(name_, number_), SealedChunk(false, plain));
    ++number_;
    if (batch.empty()) return;
    const size_t bytes = batch.bytes();
    {
      std::lock_guard lock(outstanding_->mutex);
      if (!outstanding_->failure.ok()) return;  // Finish will say so
      outstanding_->bytes += bytes;
    }
    spool_.Commit(std::move(batch), Durability::kApplied,
                  [outstanding = outstanding_, bytes](absl::Status status) {
                    ChunkApplied(*outstanding, bytes, std::move(status));
                  });
  }

  spool::Spool& spool_;
  const std::shared_ptr<RecentBodies> recent_;
  const BlobName name_;
  const std::string salt_;
  const int64_t now_us_;
  crypto::ChunkSealer sealer_;
  std::shared_ptr<Outstanding> outstanding_;  // shared with the chunks' callbacks
  Batch held_;                                // at most one sealed chunk
  std::string pending_;                       // at most one chunk
  std::string plain_;                         // what is sealed so far, unless it is
  bool too_long_ = false;                     // to be kept as recent
  uint32_t number_ = 0;
};

}  // namespace

struct SpoolBlobStore::Impl {
  spool::Spool& spool;
  TenantKeys& keys;
  const base::Clock& clock;
  base::Random& random;
  const SpoolBlobOptions options;
  std::shared_ptr<RecentBodies> recent;
  std::mutex extend_mutex;  // extensions are read, then written
  // The sweeper's own: where what it deleted ends, and when it last gave the space back.
  std::string reclaim_end;
  absl::Time reclaimed = absl::InfinitePast();

  absl::StatusOr<std::string> ReadBody(const BlobName& name, std::string_view tenant_key);
  absl::StatusOr<bool> IsExtended(std::string_view body_prefix, int64_t now_us);
  absl::StatusOr<std::vector<std::string>> OldBodies(std::string& from, int64_t cutoff_us);
  absl::StatusOr<int64_t> SweepSome(std::string& from);
};

SpoolBlobStore::SpoolBlobStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SpoolBlobStore::~SpoolBlobStore() = default;

std::unique_ptr<SpoolBlobStore> SpoolBlobStore::Create(spool::Spool& spool, TenantKeys& keys,
                                                       const base::Clock& clock,
                                                       base::Random& random,
                                                       SpoolBlobOptions options) {
  return std::unique_ptr<SpoolBlobStore>(new SpoolBlobStore(std::unique_ptr<Impl>(
      new Impl{spool,
               keys,
               clock,
               random,
               options,
               std::make_shared<RecentBodies>(options.recent_bytes, kRecentLife),
               {},
               {}})));
}

absl::StatusOr<std::unique_ptr<Writer>> SpoolBlobStore::Create(const BlobName& name) {
  CLEANMAIL_RETURN_IF_ERROR(CheckName(name));
  CLEANMAIL_RETURN_IF_ERROR(impl_->spool.Health());
  if (impl_->options.min_free_bytes > 0) {
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t free, impl_->spool.FreeBytes());
    if (free < impl_->options.min_free_bytes)
      return absl::ResourceExhaustedError("blobs: the disk is too full for new bodies");
  }
  CLEANMAIL_ASSIGN_OR_RETURN(std::string tenant_key, impl_->keys.KeyOf(name.tenant));
  std::string salt = NewSalt(impl_->random);
  const std::string body_key = BodyKey(tenant_key, name, salt);
  crypto::Wipe(tenant_key);
  return std::make_unique<SpoolWriter>(impl_->spool, impl_->recent, name, std::move(salt), body_key,
                                       base::NowMicros(impl_->clock));
}

bool SpoolBlobStore::CreatesAtOnce(std::string_view tenant) { return impl_->keys.AtHand(tenant); }

std::optional<std::string> SpoolBlobStore::ReadAtHand(const BlobName& name) {
  if (!impl_->keys.AtHand(name.tenant)) return std::nullopt;
  return impl_->recent->Find(name, impl_->clock.Now());
}

absl::StatusOr<std::string> SpoolBlobStore::Read(const BlobName& name) {
  CLEANMAIL_RETURN_IF_ERROR(CheckName(name));
  // Without its key there is no body, recent or not.
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant_key, impl_->keys.KeyOf(name.tenant));
  if (auto recent = impl_->recent->Find(name, impl_->clock.Now()); recent.has_value())
    return *std::move(recent);
  absl::StatusOr<std::string> body = impl_->ReadBody(name, tenant_key);
  if (!body.ok())
    return base::Annotate(body.status(), base::Cat("body ", name.tenant, "/", name.message));
  return body;
}

absl::StatusOr<std::string> SpoolBlobStore::Impl::ReadBody(const BlobName& name,
                                                           std::string_view tenant_key) {
  std::string body;
  std::optional<crypto::ChunkOpener> opener;
  uint32_t expected = 0;
  bool ended = false;
  absl::Status damaged;
  const std::string prefix = BodyPrefix(name);
  CLEANMAIL_RETURN_IF_ERROR(spool.Scan(
      Table::kBodies, prefix, PrefixEnd(prefix), [&](std::string_view key, std::string_view value) {
        absl::StatusOr<ChunkHead> head = TakeChunkHead(value);
        if (!head.ok()) {
          damaged = head.status();
          return false;
        }
        if (ChunkKey(name, expected) != key || head->first != (expected == 0)) {
          damaged = absl::DataLossError("a chunk is missing");
          return false;
        }
        if (expected == 0) opener.emplace(BodyKey(tenant_key, name, head->salt));
        damaged = opener->Open(expected, head->last, value, body);
        ++expected;
        ended = head->last;
        return damaged.ok() && !ended;
      }));
  CLEANMAIL_RETURN_IF_ERROR(damaged);
  if (ended) return body;
  if (expected == 0) return absl::NotFoundError("no such body, or it is over");
  return absl::DataLossError("the body has no end");
}

absl::Status SpoolBlobStore::Extend(const BlobName& name, std::string_view holder,
                                    absl::Time until) {
  CLEANMAIL_RETURN_IF_ERROR(CheckName(name));
  const std::string key = BodyPrefix(name) + std::string(holder);
  std::lock_guard lock(impl_->extend_mutex);
  const int64_t wanted = absl::ToUnixMicros(until);
  const absl::StatusOr<std::string> noted = impl_->spool.Get(Table::kExtensions, key);
  if (noted.ok() && DecodeMicros(*noted) >= wanted) return absl::OkStatus();
  if (!noted.ok() && !absl::IsNotFound(noted.status())) return noted.status();
  Batch batch;
  batch.Put(Table::kExtensions, key, EncodeMicros(wanted));
  return impl_->spool.CommitAndWait(std::move(batch), Durability::kFlushed);
}

absl::Status SpoolBlobStore::Forget(const BlobName& name) {
  CLEANMAIL_RETURN_IF_ERROR(CheckName(name));
  impl_->recent->Forget(name);
  const std::string prefix = BodyPrefix(name);
  Batch batch;
  batch.DeleteRange(Table::kBodies, prefix, PrefixEnd(prefix));
  batch.DeleteRange(Table::kExtensions, prefix, PrefixEnd(prefix));
  return impl_->spool.CommitAndWait(std::move(batch), Durability::kFlushed);
}

absl::StatusOr<bool> SpoolBlobStore::Impl::IsExtended(std::string_view body_prefix,
                                                      int64_t now_us) {
  bool extended = false;
  const std::string prefix(body_prefix);
  CLEANMAIL_RETURN_IF_ERROR(spool.Scan(Table::kExtensions, prefix, PrefixEnd(prefix),
                                       [&](std::string_view, std::string_view value) {
                                         extended = DecodeMicros(value) > now_us;
                                         return !extended;
                                       }));
  return extended;
}

// The next bodies older than `cutoff_us`, in order, from the key `from` on; moves `from` behind
// them, to "" at the end. Bodies sort by the time in their message's id: behind the first young one
// of those, only those without a time are left to be looked at.
absl::StatusOr<std::vector<std::string>> SpoolBlobStore::Impl::OldBodies(std::string& from,
                                                                         int64_t cutoff_us) {
  std::vector<std::string> prefixes;
  std::string next;
  const auto visit = [&](std::string_view key,
                         std::string_view value) -> std::optional<std::string> {
    std::string prefix(BodyPrefixOf(key));
    next = PrefixEnd(prefix);
    const absl::StatusOr<ChunkHead> head = TakeChunkHead(value);
    const bool young = head.ok() && head->first && head->time_us > cutoff_us;
    if (young && IsTimeOrdered(prefix)) next = kFirstUntimed;
    if (!young) prefixes.push_back(std::move(prefix));
    if (prefixes.size() == kBodiesAtOnce) return std::nullopt;
    return next;
  };
  CLEANMAIL_RETURN_IF_ERROR(spool.SkipScan(Table::kBodies, from, "", visit));
  from = prefixes.size() == kBodiesAtOnce ? next : "";
  return prefixes;
}

absl::StatusOr<int64_t> SpoolBlobStore::Impl::SweepSome(std::string& from) {
  const int64_t now = base::NowMicros(clock);
  std::lock_guard lock(extend_mutex);  // nobody extends a body between the look and its end
  CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> prefixes,
                             OldBodies(from, now - absl::ToInt64Microseconds(options.body_life)));
  struct Range {
    std::string begin, end;
  };
  std::vector<Range> over;
  bool joins = false;  // the next body may be deleted in one range with the one before
  int64_t bodies = 0;
  for (const std::string& prefix : prefixes) {
    CLEANMAIL_ASSIGN_OR_RETURN(const bool extended, IsExtended(prefix, now));
    if (extended) {
      joins = false;
      continue;
    }
    ++bodies;
    if (joins) {
      over.back().end = PrefixEnd(prefix);
    } else {
      over.push_back({prefix, PrefixEnd(prefix)});
    }
    joins = IsTimeOrdered(prefix);  // no new body comes between two old times
  }
  if (over.empty()) return 0;
  Batch batch;
  for (const Range& range : over) {
    batch.DeleteRange(Table::kBodies, range.begin, range.end);
    batch.DeleteRange(Table::kExtensions, range.begin, range.end);
  }
  CLEANMAIL_RETURN_IF_ERROR(spool.CommitAndWait(std::move(batch), Durability::kApplied));
  reclaim_end = over.back().end;
  return bodies;
}

absl::StatusOr<int64_t> SpoolBlobStore::Sweep() {
  int64_t bodies = 0;
  std::string from;
  do {
    CLEANMAIL_ASSIGN_OR_RETURN(const int64_t some, impl_->SweepSome(from));
    bodies += some;
  } while (!from.empty());
  const absl::Time now = impl_->clock.Now();
  if (impl_->reclaim_end.empty() || now - impl_->reclaimed < kReclaimInterval) return bodies;
  CLEANMAIL_RETURN_IF_ERROR(impl_->spool.Reclaim(Table::kBodies, "", impl_->reclaim_end));
  impl_->reclaim_end.clear();
  impl_->reclaimed = now;
  return bodies;
}

}  // namespace cleanmail::blob
