#include "libs/mail/auth/dkim/canonical.h"

#include <algorithm>
#include <array>

#include "libs/mail/auth/text.h"

namespace cleanmail::mail::auth::dkim {
namespace {

constexpr size_t kBuffer = 16 * 1024;

constexpr bool IsBlank(char c) { return c == ' ' || c == '\t'; }

std::string SimpleField(std::string_view raw) {
  std::string out;
  out.reserve(raw.size() + 2);
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '\n' && (i == 0 || raw[i - 1] != '\r')) out += '\r';
    out += raw[i];
  }
  if (!out.ends_with("\r\n")) out += "\r\n";
  return out;
}

std::string RelaxedField(std::string_view raw) {
  const size_t colon = raw.find(':');
  std::string out = Lower(Trim(raw.substr(0, colon)));
  out.reserve(raw.size() + 2);
  out += ':';
  bool space = false;
  bool first = true;
  const std::string_view value = colon == raw.npos ? std::string_view() : raw.substr(colon + 1);
  for (size_t i = 0; i < value.size(); ++i) {
    const char c = value[i];
    if (c == '\n' || (c == '\r' && i + 1 < value.size() && value[i + 1] == '\n')) continue;
    if (IsBlank(c)) {
      space = true;
      continue;
    }
    if (space && !first) out += ' ';
    space = first = false;
    out += c;
  }
  return out += "\r\n";
}

}  // namespace

std::string CanonicalField(Canonical form, std::string_view raw) {
  return form == Canonical::kSimple ? SimpleField(raw) : RelaxedField(raw);
}

void BodyHash::Emit(std::string_view bytes) {
  const uint64_t before = canonical_bytes_;
  canonical_bytes_ += bytes.size();
  if (limit_.has_value()) {
    if (before >= *limit_) return;
    bytes = bytes.substr(0, *limit_ - before);
  }
  if (buffer_.size() + bytes.size() > kBuffer) {
    stream_.Add(buffer_);
    buffer_.clear();
  }
  if (bytes.size() > kBuffer) {
    stream_.Add(bytes);
  } else {
    buffer_ += bytes;
  }
}

void BodyHash::EmitPendingLineEnds() {
  static constexpr auto kLineEnds = [] {
    std::array<char, 512> bytes = {};
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = i % 2 == 0 ? '\r' : '\n';
    return bytes;
  }();
  while (line_ends_ > 0) {
    const uint64_t count = std::min<uint64_t>(line_ends_, kLineEnds.size() / 2);
    Emit({kLineEnds.data(), static_cast<size_t>(count * 2)});
    line_ends_ -= count;
  }
}

void BodyHash::EndLine() {
  ++line_ends_;
  space_ = false;
}

// `text` holds no line end.
void BodyHash::AddText(std::string_view text) {
  if (text.empty()) return;
  if (form_ == Canonical::kRelaxed) return AddRelaxed(text);
  EmitPendingLineEnds();
  Emit(text);
}

// Runs are given out together with the single spaces in them: words are short.
void BodyHash::AddRelaxed(std::string_view text) {
  while (!text.empty()) {
    size_t end = 0;
    while (end < text.size()) {
      if (text[end] == '\t') break;
      if (text[end] == ' ' && (end == 0 || end + 1 == text.size() || IsBlank(text[end + 1]))) break;
      ++end;
    }
    if (end > 0) {
      EmitPendingLineEnds();
      if (space_) Emit(" ");
      Emit(text.substr(0, end));
      space_ = false;
      text.remove_prefix(end);
    }
    while (!text.empty() && IsBlank(text.front())) {
      space_ = true;
      text.remove_prefix(1);
    }
  }
}

void BodyHash::Add(std::string_view bytes) {
  if (bytes.empty()) return;
  if (return_ && bytes.front() != '\n') AddText("\r");
  return_ = bytes.back() == '\r';
  if (return_) bytes.remove_suffix(1);
  while (!bytes.empty()) {
    const size_t end = bytes.find('\n');
    if (end == bytes.npos) return AddText(bytes);
    std::string_view line = bytes.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    AddText(line);
    EndLine();
    bytes.remove_prefix(end + 1);
  }
}

void BodyHash::Finish() {
  if (return_) {
    return_ = false;
    AddText("\r");
  }
  // Empty lines at the end do not count; a last line without an end gets one; an empty body is one
  // line end when simple, nothing when relaxed.
  if (canonical_bytes_ > 0 || form_ == Canonical::kSimple) Emit("\r\n");
  stream_.Add(buffer_);
  hash_ = stream_.Finish();
}

std::optional<size_t> BodyHashes::Want(Canonical form, std::optional<uint64_t> limit) {
  for (size_t i = 0; i < hashes_.size(); ++i)
    if (hashes_[i].form() == form && hashes_[i].limit() == limit) return i;
  if (hashes_.size() >= kMost) return std::nullopt;
  hashes_.emplace_back(form, limit);
  return hashes_.size() - 1;
}

void BodyHashes::Add(std::string_view bytes) {
  for (BodyHash& hash : hashes_) hash.Add(bytes);
}

void BodyHashes::Finish() {
  for (BodyHash& hash : hashes_) hash.Finish();
}

}  // namespace cleanmail::mail::auth::dkim
