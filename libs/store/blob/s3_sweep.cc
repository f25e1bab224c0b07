#include "libs/store/blob/s3_sweep.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "libs/base/status_macros.h"
#include "libs/store/blob/blob_layout.h"
#include "libs/store/blob/s3_names.h"

namespace cleanmail::blob {
namespace {

constexpr int64_t kHeadBytes = 2 + 8 + kSaltBytes;
constexpr absl::Duration kUploadLife = absl::Hours(24);

// What extensions say of the bodies of one page.
struct Notes {
  std::map<std::string, std::vector<std::string>> keys;  // by place
  std::set<std::string> extended;                        // places kept beyond now
};

class Sweep {
 public:
  Sweep(S3Client& client, S3SweepLimits limits) : client_(client), limits_(limits) {}

  absl::StatusOr<int64_t> Run() {
    const std::string last_day = DayOf(limits_.cutoff_us);
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> days, Days(kBodies));
    for (const std::string& day : days) {
      if (day > last_day && day != kUntimed) continue;
      CLEANMAIL_RETURN_IF_ERROR(SweepDay(day));
      if (bodies_ >= limits_.most) return bodies_;
    }
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<std::string> noted, Days(kExtensions));
    for (const std::string& day : noted) {
      if (day > last_day && day != kUntimed) continue;
      CLEANMAIL_RETURN_IF_ERROR(SweepExtensions(day));
    }
    CLEANMAIL_RETURN_IF_ERROR(SweepUploads());
    return bodies_;
  }

 private:
  absl::StatusOr<std::vector<std::string>> Days(const std::string& below) {
    std::vector<std::string> days;
    std::string token;
    do {
      CLEANMAIL_ASSIGN_OR_RETURN(const S3Answer page,
                                 client_.List({.prefix = below, .token = token, .delimiter = "/"}));
      for (const std::string& folder : page.folders) {
        if (folder.size() > below.size() + 1)
          days.push_back(folder.substr(below.size(), folder.size() - below.size() - 1));
      }
      token = page.next;
    } while (!token.empty());
    return days;
  }

  absl::Status SweepDay(const std::string& day) {
    std::string after;
    while (bodies_ < limits_.most) {
      // By name and not by token: what is deleted on the way shifts no page.
      CLEANMAIL_ASSIGN_OR_RETURN(
          const S3Answer page,
          client_.List({.prefix = base::Cat(kBodies, day, "/"), .after = after}));
      if (page.keys.empty()) break;
      after = page.keys.back();
      CLEANMAIL_RETURN_IF_ERROR(SweepPage(page.keys));
      if (page.next.empty()) break;
    }
    return absl::OkStatus();
  }

  absl::Status SweepPage(const std::vector<std::string>& keys) {
    std::vector<std::pair<std::string, std::string>> old;  // key and place
    for (const std::string& key : keys) {
      const std::optional<BodyPlace> body = ParseBodyKey(key);
      if (!body) continue;  // not ours
      CLEANMAIL_ASSIGN_OR_RETURN(const int64_t made_us, MadeAt(key, *body));
      if (made_us <= limits_.cutoff_us) old.emplace_back(key, body->place);
    }
    if (old.empty()) return absl::OkStatus();
    CLEANMAIL_ASSIGN_OR_RETURN(Notes notes, NotesOf(old.front().second, old.back().second));
    std::vector<std::string> over;
    for (const auto& [key, place] : old) {
      if (notes.extended.contains(place) || bodies_ >= limits_.most) continue;
      over.push_back(key);
      for (std::string& note : notes.keys[place]) over.push_back(std::move(note));
      ++bodies_;
    }
    return client_.DeleteAll(over);
  }

  absl::StatusOr<int64_t> MadeAt(const std::string& key, const BodyPlace& body) {
    if (body.made_us) return *body.made_us;
    const absl::StatusOr<S3Client::Range> head = client_.Get(key, 0, kHeadBytes);
    if (absl::IsNotFound(head.status())) return limits_.now_us;  // another sweeper took it
    CLEANMAIL_RETURN_IF_ERROR(head.status());
    std::string_view bytes = head->bytes;
    const absl::StatusOr<ChunkHead> chunk = TakeChunkHead(bytes);
    return chunk.ok() && chunk->first ? chunk->time_us : 0;
  }

  // Extensions of the bodies between two places, both included; names are listed in their order.
  absl::StatusOr<Notes> NotesOf(const std::string& first, const std::string& last) {
    Notes notes;
    const std::string day = first.substr(0, first.find('/') + 1);
    std::string token;
    do {
      CLEANMAIL_ASSIGN_OR_RETURN(const S3Answer page,
                                 client_.List({.prefix = base::Cat(kExtensions, day),
                                               .after = base::Cat(kExtensions, first),
                                               .token = token}));
      token = page.next;
      for (const std::string& key : page.keys) {
        const std::optional<Extension> extension = ParseExtensionKey(key);
        if (!extension) continue;
        if (extension->until_us > limits_.now_us) notes.extended.insert(extension->place);
        notes.keys[extension->place].push_back(key);
        if (extension->place > last + "/") token.clear();
      }
    } while (!token.empty());
    return notes;
  }

  // Those that keep nothing any more, whether their body is there or not.
  absl::Status SweepExtensions(const std::string& day) {
    std::string token;
    do {
      CLEANMAIL_ASSIGN_OR_RETURN(
          const S3Answer page,
          client_.List({.prefix = base::Cat(kExtensions, day, "/"), .token = token}));
      std::vector<std::string> over;
      for (const std::string& key : page.keys) {
        const std::optional<Extension> extension = ParseExtensionKey(key);
        if (extension && extension->until_us <= limits_.now_us) over.push_back(key);
      }
      CLEANMAIL_RETURN_IF_ERROR(client_.DeleteAll(over));
      token = page.next;
    } while (!token.empty());
    return absl::OkStatus();
  }

  absl::Status SweepUploads() {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<S3Upload> uploads, client_.Uploads());
    for (const S3Upload& upload : uploads) {
      absl::Time begun;
      std::string error;
      // By the store's clock and ours, which need not be the one that says how old bodies are.
      if (!absl::ParseTime(absl::RFC3339_full, upload.begun, &begun, &error)) continue;
      if (absl::Now() - begun < kUploadLife) continue;
      CLEANMAIL_RETURN_IF_ERROR(client_.AbortUpload(upload.key, upload.id));
    }
    return absl::OkStatus();
  }

  S3Client& client_;
  const S3SweepLimits limits_;
  int64_t bodies_ = 0;
};

}  // namespace

absl::StatusOr<int64_t> S3Sweep(S3Client& client, S3SweepLimits limits) {
  return Sweep(client, limits).Run();
}

}  // namespace cleanmail::blob
