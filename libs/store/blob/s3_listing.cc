#include "libs/store/blob/s3_listing.h"

#include <array>
#include <optional>
#include <utility>

#include "libs/base/status_macros.h"

namespace cleanmail::blob {
namespace {

constexpr size_t kMostDepth = 16;

absl::Status Damaged(std::string_view why) {
  return absl::DataLossError(base::Cat("S3: the answer is not what was asked for: ", why));
}

absl::StatusOr<std::string> Unescaped(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, char>, 6> kEntities = {{{"&amp;", '&'},
                                                                           {"&lt;", '<'},
                                                                           {"&gt;", '>'},
                                                                           {"&quot;", '"'},
                                                                           {"&#34;", '"'},
                                                                           {"&apos;", '\''}}};
  std::string plain;
  while (!text.empty()) {
    if (text[0] != '&') {
      plain += text[0];
      text.remove_prefix(1);
      continue;
    }
    bool known = false;
    for (const auto& [entity, character] : kEntities) {
      if (!text.starts_with(entity)) continue;
      plain += character;
      text.remove_prefix(entity.size());
      known = true;
      break;
    }
    if (!known) {
      // The names of objects hold nothing that needs more; ETags are numbered "&#34;".
      const size_t end = text.find(';');
      if (end == std::string_view::npos || end > 10) return Damaged("an entity");
      plain += '?';
      text.remove_prefix(end + 1);
    }
  }
  return plain;
}

class Reader {
 public:
  absl::StatusOr<S3Answer> Read(std::string_view xml) {
    while (true) {
      const size_t tag = xml.find('<');
      if (tag == std::string_view::npos) break;
      text_ += xml.substr(0, tag);
      xml.remove_prefix(tag + 1);
      const size_t end = xml.find('>');
      if (end == std::string_view::npos) return Damaged("a tag without end");
      std::string_view name = xml.substr(0, end);
      xml.remove_prefix(end + 1);
      if (name.starts_with('?') || name.starts_with('!')) continue;
      CLEANMAIL_RETURN_IF_ERROR(Take(name));
    }
    if (!open_.empty()) return Damaged("cut short");
    if (truncated_ && answer_.next.empty()) return Damaged("a page without the next one");
    if (!truncated_) answer_.next.clear();
    return std::move(answer_);
  }

 private:
  absl::Status Take(std::string_view name) {
    if (name.starts_with('/')) {
      name.remove_prefix(1);
      if (open_.empty() || open_.back() != name) return Damaged("tags do not match");
      CLEANMAIL_ASSIGN_OR_RETURN(const std::string text, Unescaped(text_));
      End(name, text);
      open_.pop_back();
    } else if (!name.ends_with('/')) {
      if (open_.size() == kMostDepth) return Damaged("too deep");
      open_.emplace_back(name.substr(0, name.find(' ')));
      if (open_.back() == "Upload") answer_.uploads.emplace_back();
    }
    text_.clear();
    return absl::OkStatus();
  }

  bool Below(std::string_view parent) const {
    return open_.size() >= 2 && open_[open_.size() - 2] == parent;
  }

  void End(std::string_view name, const std::string& text) {
    if (name == "Key" && Below("Contents")) answer_.keys.push_back(text);
    if (name == "Prefix" && Below("CommonPrefixes")) answer_.folders.push_back(text);
    if (name == "IsTruncated") truncated_ = text == "true";
    if (name == "NextContinuationToken" || name == "NextUploadIdMarker") answer_.next = text;
    if (name == "Code" && Below("Error") && (answer_.error.empty() || answer_.error == kNoSuchKey))
      answer_.error = text;
    if (name == "UploadId" && !Below("Upload")) answer_.upload_id = text;
    if (!Below("Upload")) return;
    if (name == "Key") answer_.uploads.back().key = text;
    if (name == "UploadId") answer_.uploads.back().id = text;
    if (name == "Initiated") answer_.uploads.back().begun = text;
  }

  S3Answer answer_;
  std::vector<std::string> open_;
  std::string text_;
  bool truncated_ = false;
};

}  // namespace

absl::StatusOr<S3Answer> ParseS3Answer(std::string_view xml) { return Reader().Read(xml); }

}  // namespace cleanmail::blob
