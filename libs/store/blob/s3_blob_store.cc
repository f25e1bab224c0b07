#include "libs/store/blob/s3_blob_store.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/crypto/hash.h"
#include "libs/crypto/sealing.h"
#include "libs/store/blob/blob_layout.h"
#include "libs/store/blob/body_key.h"
#include "libs/store/blob/s3_client.h"
#include "libs/store/blob/s3_names.h"
#include "libs/store/blob/s3_sweep.h"
#include "libs/store/blob/s3_upload.h"
#include "libs/store/blob/worker_pool.h"

namespace cleanmail::blob {
namespace {

constexpr int64_t kRangeBytes = 4 << 20;  // of a body, read at once
constexpr int64_t kLeastPartBytes = 5 << 20;

// Objects on their way out: for this process they are gone already.
class Dropping {
 public:
  void Add(const std::string& key) {
    std::lock_guard lock(mutex_);
    keys_.insert(key);
  }
  void Remove(const std::string& key) {
    std::lock_guard lock(mutex_);
    keys_.erase(key);
  }
  bool Contains(const std::string& key) {
    std::lock_guard lock(mutex_);
    return keys_.contains(key);
  }

 private:
  std::mutex mutex_;
  std::set<std::string> keys_;  // guarded by mutex_
};

// A body in the bucket; it goes again unless it is taken.
class S3Finished final : public Finished {
 public:
  explicit S3Finished(absl::AnyInvocable<void() &&> drop) : drop_(std::move(drop)) {}
  ~S3Finished() override {
    if (drop_) std::move(drop_)();
  }
  std::optional<spool::Batch> TakeBatch() override {
    drop_ = nullptr;
    return std::nullopt;
  }

 private:
  absl::AnyInvocable<void() &&> drop_;
};

class S3Writer final : public Writer {
 public:
  S3Writer(std::shared_ptr<S3BodyUpload> upload, int64_t part_bytes, std::string salt,
           std::string_view body_key, int64_t now_us, absl::AnyInvocable<void() &&> drop)
      : upload_(std::move(upload)),
        part_bytes_(static_cast<size_t>(part_bytes)),
        salt_(std::move(salt)),
        now_us_(now_us),
        sealer_(body_key),
        drop_(std::move(drop)) {}
  ~S3Writer() override { upload_->Abandon(); }

  bool Append(std::string_view bytes, absl::AnyInvocable<void() &&> ready) override {
    // A full chunk is sealed only when more follows: the last one is sealed as the last.
    while (pending_.size() + bytes.size() > crypto::kChunkBytes) {
      const std::string_view part = bytes.substr(0, crypto::kChunkBytes - pending_.size());
      bytes.remove_prefix(part.size());
      pending_.append(part);
      Seal(false);
    }
    pending_.append(bytes);
    if (sealed_.size() < part_bytes_) return true;
    return upload_->Add(std::exchange(sealed_, {}), std::move(ready));
  }

  void Finish(
      absl::AnyInvocable<void(absl::StatusOr<std::unique_ptr<Finished>>) &&> done) override {
    Seal(true);
    auto answer = [done = std::move(done), drop = std::move(drop_)](absl::Status status) mutable {
      if (!status.ok()) return std::move(done)(std::move(status));
      std::move(done)(std::make_unique<S3Finished>(std::move(drop)));
    };
    upload_->Finish(std::move(sealed_), std::move(answer));
  }

 private:
  void Seal(bool last) {
    sealed_ +=
        EncodeChunkHead({.last = last, .first = number_ == 0, .time_us = now_us_, .salt = salt_});
    sealer_.Seal(number_++, last, pending_, sealed_);
    pending_.clear();
  }

  const std::shared_ptr<S3BodyUpload> upload_;  // shared with the thread that sends it
  const size_t part_bytes_;
  const std::string salt_;
  const int64_t now_us_;
  crypto::ChunkSealer sealer_;
  absl::AnyInvocable<void() &&> drop_;
  std::string pending_;  // not sealed yet
  std::string sealed_;   // not sent yet
  uint32_t number_ = 0;
};

// Opens the chunks of one object as its bytes come.
class BodyReader {
 public:
  BodyReader(const BlobName& name, std::string_view tenant_key)
      : name_(name), tenant_key_(tenant_key) {}

  // `at_end`: these are the last bytes.
  absl::Status Add(std::string_view bytes, bool at_end) {
    waiting_ += bytes;
    std::string_view left = waiting_;
    // The last chunk is known by the end; it may be as long as any other.
    while (!ended_ && (left.size() > ChunkBytes() || (at_end && !left.empty()))) {
      std::string_view chunk = left.substr(0, ChunkBytes());
      left.remove_prefix(chunk.size());
      CLEANMAIL_RETURN_IF_ERROR(Open(chunk));
    }
    if (ended_ && !(at_end && left.empty())) return absl::DataLossError("bytes behind the end");
    if (at_end && !ended_) return absl::DataLossError("the body has no end");
    waiting_.erase(0, waiting_.size() - left.size());
    return absl::OkStatus();
  }
  std::string TakeBody() { return std::move(body_); }

 private:
  // Of a full chunk with what stands before it.
  size_t ChunkBytes() const {
    const size_t head = EncodeChunkHead({.first = false}).size();
    const size_t first = sizeof(int64_t) + kSaltBytes;
    return head + (number_ == 0 ? first : 0) + crypto::kChunkBytes + crypto::kTagBytes;
  }
  absl::Status Open(std::string_view chunk) {
    CLEANMAIL_ASSIGN_OR_RETURN(const ChunkHead head, TakeChunkHead(chunk));
    if (head.first != (number_ == 0)) return absl::DataLossError("a chunk is missing");
    if (head.first) opener_.emplace(BodyKey(tenant_key_, name_, head.salt));
    ended_ = head.last;
    return opener_->Open(number_++, head.last, chunk, body_);
  }

  const BlobName& name_;
  const std::string_view tenant_key_;
  std::optional<crypto::ChunkOpener> opener_;
  std::string waiting_, body_;
  uint32_t number_ = 0;
  bool ended_ = false;
};

}  // namespace

struct S3BlobStore::Impl {
  const S3Options options;
  TenantKeys& keys;
  const base::Clock& clock;
  base::Random& random;
  S3Client client;
  std::atomic<int64_t> in_memory{0};
  Dropping dropping;
  WorkerPool pool;  // its threads use all the above

  void Drop(const std::string& key) {
    dropping.Add(key);
    pool.Submit([this, key] {
      (void)client.Delete(key);  // else the sweeper, in its time
      dropping.Remove(key);
    });
  }
  absl::StatusOr<std::string> ReadBody(const BlobName& name, std::string_view tenant_key);
};

S3BlobStore::S3BlobStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
S3BlobStore::~S3BlobStore() = default;
absl::Status S3BlobStore::Health() const { return impl_->client.Health(); }

absl::StatusOr<std::unique_ptr<S3BlobStore>> S3BlobStore::Create(S3Options options,
                                                                 TenantKeys& keys,
                                                                 const base::Clock& clock,
                                                                 base::Random& random) {
  if (options.endpoint.empty() || options.bucket.empty())
    return absl::InvalidArgumentError("S3: endpoint and bucket must be given");
  while (options.endpoint.ends_with('/')) options.endpoint.pop_back();
  options.part_bytes = std::max(options.part_bytes, kLeastPartBytes);
  S3Target target{.endpoint = options.endpoint,
                  .region = options.region,
                  .bucket = options.bucket,
                  .credentials = {options.access_key, options.secret_key, options.session_token},
                  .ca_file = options.ca_file,
                  .deadline = options.deadline,
                  .attempt = options.attempt};
  const int threads = std::max(1, options.threads);
  auto impl = std::unique_ptr<Impl>(new Impl{.options = std::move(options),
                                             .keys = keys,
                                             .clock = clock,
                                             .random = random,
                                             .client = S3Client(std::move(target)),
                                             .dropping = {},
                                             .pool = WorkerPool(threads)});
  CLEANMAIL_RETURN_IF_ERROR(impl->client.MakeBucket());
  return std::unique_ptr<S3BlobStore>(new S3BlobStore(std::move(impl)));
}

absl::StatusOr<std::unique_ptr<Writer>> S3BlobStore::Create(const BlobName& name) {
  CLEANMAIL_RETURN_IF_ERROR(CheckName(name));
  if (impl_->in_memory > impl_->options.most_bytes)
    return absl::UnavailableError("blobs: too many bytes are on their way to the store");
  CLEANMAIL_ASSIGN_OR_RETURN(std::string tenant_key, impl_->keys.KeyOf(name.tenant));
  std::string salt = NewSalt(impl_->random);
  const std::string body_key = BodyKey(tenant_key, name, salt);
  crypto::Wipe(tenant_key);
  const std::string key = BodyKeyOf(name);
  auto upload = std::make_shared<S3BodyUpload>(impl_->client, impl_->pool, impl_->in_memory, key);
  auto drop = [impl = impl_.get(), key] { impl->Drop(key); };
  return std::make_unique<S3Writer>(std::move(upload), impl_->options.part_bytes, std::move(salt),
                                    body_key, base::NowMicros(impl_->clock), std::move(drop));
}

absl::StatusOr<std::string> S3BlobStore::Read(const BlobName& name) {
  CLEANMAIL_RETURN_IF_ERROR(CheckName(name));
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string tenant_key, impl_->keys.KeyOf(name.tenant));
  absl::StatusOr<std::string> body = impl_->ReadBody(name, tenant_key);
  if (!body.ok())
    return base::Annotate(body.status(), base::Cat("body ", name.tenant, "/", name.message));
  return body;
}

absl::StatusOr<std::string> S3BlobStore::Impl::ReadBody(const BlobName& name,
                                                        std::string_view tenant_key) {
  const std::string key = BodyKeyOf(name);
  if (dropping.Contains(key)) return absl::NotFoundError("no such body, or it is over");
  BodyReader reader(name, tenant_key);
  int64_t offset = 0;
  while (true) {
    CLEANMAIL_ASSIGN_OR_RETURN(const S3Client::Range range, client.Get(key, offset, kRangeBytes));
    offset += static_cast<int64_t>(range.bytes.size());
    const bool at_end = offset >= range.total || range.bytes.empty();
    CLEANMAIL_RETURN_IF_ERROR(reader.Add(range.bytes, at_end));
    if (at_end) return reader.TakeBody();
  }
}

absl::Status S3BlobStore::Extend(const BlobName& name, std::string_view holder, absl::Time until) {
  CLEANMAIL_RETURN_IF_ERROR(CheckName(name));
  return impl_->client.Put(ExtensionKeyOf(name, holder, absl::ToUnixMicros(until)), "");
}

absl::Status S3BlobStore::Forget(const BlobName& name) {
  CLEANMAIL_RETURN_IF_ERROR(CheckName(name));
  CLEANMAIL_RETURN_IF_ERROR(impl_->client.Delete(BodyKeyOf(name)));
  std::string token;
  do {
    CLEANMAIL_ASSIGN_OR_RETURN(
        const S3Answer page,
        impl_->client.List({.prefix = ExtensionPrefixOf(name), .token = token}));
    CLEANMAIL_RETURN_IF_ERROR(impl_->client.DeleteAll(page.keys));
    token = page.next;
  } while (!token.empty());
  return absl::OkStatus();
}

absl::StatusOr<int64_t> S3BlobStore::Sweep() {
  const int64_t now = base::NowMicros(impl_->clock);
  return S3Sweep(impl_->client,
                 {.now_us = now,
                  .cutoff_us = now - absl::ToInt64Microseconds(impl_->options.body_life),
                  .most = impl_->options.most_swept});
}

}  // namespace cleanmail::blob
