#include "services/scanner/analyzers/spam/reading/message_tree.h"

#include <algorithm>
#include <optional>

#include "services/scanner/analyzers/spam/reading/ascii.h"
#include "services/scanner/analyzers/spam/reading/encodings.h"

namespace cleanmail::scanner::spam {
namespace {

constexpr size_t kLongestKey = 256;
constexpr size_t kLongestValue = 8192;
constexpr size_t kLongestLine = 2048;
constexpr size_t kMostBlankLines = 20;

std::string WithLfOnly(std::string_view message) {
  std::string text;
  text.reserve(message.size());
  size_t from = 0;
  for (size_t end = message.find("\r\n"); end != std::string_view::npos;
       end = message.find("\r\n", end + 2)) {
    text.append(message, from, end - from);
    from = end + 1;
  }
  return text.append(message, from);
}

bool IsFieldNameByte(char c) { return c > ' ' && c < 0x7f && c != ':'; }

// Whether a line begins as a field does; `blank_before_colon` as old mail has it.
bool BeginsField(std::string_view line, bool blank_before_colon) {
  size_t at = 0;
  while (at < line.size() && IsFieldNameByte(line[at])) ++at;
  if (at == 0) return false;
  while (blank_before_colon && at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
  return at < line.size() && line[at] == ':';
}

bool IsContinuation(std::string_view line) {
  return line.starts_with(' ') || line.starts_with('\t');
}

bool IsWhite(std::string_view line) { return Trim(line).empty(); }

// Where `name` stands as a parameter's name with its `=`: the position behind the white space that
// follows; npos without one.
size_t ParameterValueAt(std::string_view value, std::string_view name, size_t from = 0) {
  for (size_t at = FindLetters(value, name, from); at != std::string_view::npos;
       at = FindLetters(value, name, at + 1)) {
    if (at > 0 && IsWord(value[at - 1])) continue;
    size_t behind = at + name.size();
    while (behind < value.size() && IsBlank(value[behind])) ++behind;
    if (behind >= value.size() || value[behind] != '=') continue;
    ++behind;
    while (behind < value.size() && IsBlank(value[behind])) ++behind;
    return behind;
  }
  return std::string_view::npos;
}

std::string BoundaryOf(std::string_view value) {
  const size_t at = ParameterValueAt(value, "boundary");
  if (at == std::string_view::npos) return "";
  if (value.substr(at).starts_with('"')) {
    const std::string_view rest = value.substr(at + 1);
    return std::string(rest.substr(0, rest.find('"')));
  }
  size_t end = at;
  while (end < value.size() && !IsBlank(value[end]) && value[end] != '"' && value[end] != ';')
    ++end;
  if (end < value.size() && value[end] == '"') return "";
  return std::string(value.substr(at, end - at));
}

// A parameter up to the next semicolon, without quotes at its ends.
std::string LooseParameter(std::string_view value, size_t at) {
  if (at == std::string_view::npos || at > value.size()) return "";
  std::string_view rest = value.substr(at);
  if (!rest.empty() && (rest[0] == '"' || rest[0] == '\'')) rest.remove_prefix(1);
  const size_t semicolon = rest.find(';');
  std::string_view found = rest.substr(0, semicolon);
  if (!found.empty() && (found.back() == '"' || found.back() == '\'')) found.remove_suffix(1);
  return std::string(found);
}

std::string NameOf(std::string_view value) {
  // "filename" is "name" with something before it, and may stand instead.
  size_t at = ParameterValueAt(value, "filename");
  const size_t plain = ParameterValueAt(value, "name");
  if (plain != std::string_view::npos && (at == std::string_view::npos || plain < at)) at = plain;
  std::string name = LooseParameter(value, at);
  if (!name.empty()) return name;
  for (int section = 0; section < 20; ++section) {
    const std::string suffix = "name*" + std::to_string(section);
    size_t where = ParameterValueAt(value, suffix);
    if (where == std::string_view::npos) where = ParameterValueAt(value, "file" + suffix);
    if (where == std::string_view::npos) break;
    name += LooseParameter(value, where);
  }
  return name;
}

std::string TypeOf(std::string_view value, bool& missing) {
  std::string_view type = TrimLeft(value);
  type = type.substr(0, type.find(';'));
  const size_t slash = type.find('/');
  if (slash != std::string_view::npos && slash > 0) {
    size_t end = slash + 1;
    while (end < type.size() && type[end] != '/' && !IsBlank(type[end])) ++end;
    type = type.substr(0, end);
  }
  std::string lower = Lower(type);
  if (lower.empty()) missing = true;
  const bool text = lower.starts_with("text") && (lower.size() == 4 || !IsWord(lower[4]));
  const bool kept = lower == "text/x-vcard" || lower == "text/calendar" || lower == "text/html";
  if (lower.empty() || (text && !kept)) return "text/plain";
  std::erase_if(lower, [](char c) {
    return c <= ' ' || static_cast<unsigned char>(c) >= 0x7f ||
           std::string_view("\"(),:;<=>?@[\\]").find(c) != std::string_view::npos;
  });
  return lower;
}

// `--boundary`, `--boundary--` for the last; white space may follow.
enum class BoundaryLine { kNone, kNext, kLast };
BoundaryLine BoundaryLineOf(std::string_view line, std::string_view boundary) {
  if (!line.starts_with("--") || !line.substr(2).starts_with(boundary)) return BoundaryLine::kNone;
  std::string_view rest = line.substr(2 + boundary.size());
  if (IsWhite(rest)) return BoundaryLine::kNext;
  if (rest.starts_with("--") && IsWhite(rest.substr(2))) return BoundaryLine::kLast;
  return BoundaryLine::kNone;
}

}  // namespace

ContentTypeFacts ReadContentType(std::string_view value) {
  ContentTypeFacts facts;
  if (value.empty()) {
    facts.missing = true;
    value = "text/plain; charset=us-ascii";
  }
  facts.boundary = BoundaryOf(value);
  facts.charset = LooseParameter(value, ParameterValueAt(value, "charset"));
  facts.name = NameOf(value);
  facts.type = TypeOf(value, facts.missing);
  return facts;
}

void Fields::Add(std::string_view name, std::string_view raw) {
  std::string one_line;
  one_line.reserve(raw.size());
  size_t from = 0;
  for (size_t at = raw.find('\n'); at != std::string_view::npos;) {
    const size_t behind = std::min(raw.find_first_not_of(" \t", at + 1), raw.size());
    if (behind > at + 1) {
      one_line.append(raw, from, at - from) += ' ';
      from = behind;
    }
    at = raw.find('\n', behind);
  }
  one_line.append(raw, from);
  list_.push_back({.name = std::string(name),
                   .raw = std::string(raw),
                   .value = DecodeHeaderValue(Trim(one_line), name)});
}

std::vector<const Fields::Field*> Fields::All(std::string_view name) const {
  std::vector<const Field*> found;
  for (const Field& field : list_) {
    if (SameLetters(field.name, name)) found.push_back(&field);
  }
  return found;
}

std::string_view Fields::Last(std::string_view name) const {
  for (auto field = list_.rbegin(); field != list_.rend(); ++field) {
    if (SameLetters(field->name, name)) return field->value;
  }
  return {};
}

bool Fields::Has(std::string_view name) const {
  return std::any_of(list_.begin(), list_.end(),
                     [&](const Field& field) { return SameLetters(field.name, name); });
}

void Fields::Remove(std::string_view name) {
  std::erase_if(list_, [&](const Field& field) { return SameLetters(field.name, name); });
}

std::string_view Part::effective_type() const {
  const bool html = EndsWith(name, ".htm") || EndsWith(name, ".html") || EndsWith(name, ".shtm") ||
                    EndsWith(name, ".shtml");
  return html ? std::string_view("text/html") : std::string_view(type);
}

std::string Part::Decoded() const {
  size_t length = 0;
  for (const std::string_view line : lines) length += line.size();
  std::string raw;
  raw.reserve(length);
  for (const std::string_view line : lines) raw += line;
  const std::string encoding = Lower(header.Last("content-transfer-encoding"));
  if (encoding == "quoted-printable") return Replaced(DecodeQp(raw), "\r\n", "\n");
  if (encoding != "base64") return raw;
  std::string bytes = DecodeBase64Leniently(raw);
  if (type.starts_with("text/") || type.starts_with("message/"))
    return Replaced(std::move(bytes), "\r\n", "\n");
  return bytes;
}

MessageTree::MessageTree(std::string_view message, TreeLimits limits)
    : text_(WithLfOnly(message)), limits_(limits) {
  std::vector<std::string_view> lines = Lines(text_);
  if (!lines.empty() && lines[0].starts_with("From ") && !lines[0].starts_with("From :"))
    lines.erase(lines.begin());
  BeginMessage(root_, std::move(lines), limits_.depth, true);
  while (!queue_.empty()) {
    Job job = std::move(queue_.front());
    queue_.pop_front();
    Work(std::move(job));
  }
}

bool MessageTree::has_open_boundary() const {
  return std::any_of(boundary_state_.begin(), boundary_state_.end(),
                     [](const auto& state) { return state.second != 0; });
}

std::vector<std::string_view> MessageTree::ReadHeader(Part& part,
                                                      std::vector<std::string_view> lines,
                                                      bool outermost) {
  std::string field;
  bool has_field = false;
  int errors = 0;
  size_t at = 0;
  const auto finish_field = [&] {
    const size_t colon = field.find(':');
    if (has_field && colon != std::string::npos) {
      std::string_view key = std::string_view(field).substr(0, colon);
      while (!key.empty() && (key.back() == ' ' || key.back() == '\t')) key.remove_suffix(1);
      std::string_view value = std::string_view(field).substr(colon + 1);
      if (outermost && (key.size() > kLongestKey || value.size() > kLongestValue))
        flags_["truncated_header"] = true;
      part.header.Add(key.substr(0, kLongestKey), value.substr(0, kLongestValue));
    }
    field.clear();
  };
  for (;; ++at) {
    if (at == lines.size()) {
      finish_field();
      if (outermost) flags_["missing_head_body_separator"] = true;
      break;
    }
    const std::string_view line = lines[at];
    if (IsContinuation(line)) {
      field += line;
      has_field = true;
      continue;
    }
    finish_field();
    if (line == "\n") {
      ++at;
      break;
    }
    const bool odd = !BeginsField(line, true);
    if (line.starts_with("--") || (odd && ++errors > 3)) {
      if (outermost) flags_["missing_head_body_separator"] = true;
      break;
    }
    field = line;
    has_field = true;
  }
  if (outermost) {
    body_offset_ =
        at == lines.size() ? text_.size() : static_cast<size_t>(lines[at].data() - text_.data());
  }
  lines.erase(lines.begin(), lines.begin() + static_cast<ptrdiff_t>(at));
  return lines;
}

namespace {

// More than twenty blank lines in a row become twenty.
std::vector<std::string_view> WithoutBlankRuns(const std::vector<std::string_view>& lines) {
  std::vector<std::string_view> kept;
  kept.reserve(lines.size());
  size_t blank = 0;
  for (const std::string_view line : lines) {
    blank = IsWhite(line) ? blank + 1 : 0;
    if (blank <= kMostBlankLines) kept.push_back(line);
  }
  return kept;
}

}  // namespace

void MessageTree::BeginMessage(Part& part, std::vector<std::string_view> lines, size_t depth,
                               bool outermost) {
  lines = WithoutBlankRuns(ReadHeader(part, std::move(lines), outermost));
  const ContentTypeFacts facts = ReadContentType(part.header.Last("content-type"));
  part.type = facts.type;
  if (part.type.starts_with("multipart/") && lines.size() > 1 && !IsWhite(lines[0]) &&
      (facts.boundary.empty() || !lines[0].starts_with("--" + facts.boundary)))
    lines.insert(lines.begin(), "\n");
  queue_.push_back({&part, facts.boundary, !facts.boundary.empty(), std::move(lines), depth});
}

void MessageTree::ReadLeaf(Job job) {
  Part& part = *job.part;
  const ContentTypeFacts facts = ReadContentType(part.header.Last("content-type"));
  if (!facts.missing) {
    part.type =
        !facts.type.starts_with("multipart/") || job.has_boundary ? facts.type : "text/plain";
  }
  part.charset = facts.charset;
  const std::string_view disposition = part.header.Last("content-disposition");
  for (size_t at = FindLetters(disposition, "name="); at != std::string_view::npos;
       at = FindLetters(disposition, "name=", at + 1)) {
    size_t begin = at + 5;
    while (begin < disposition.size() && IsBlank(disposition[begin])) ++begin;
    if (begin < disposition.size() && disposition[begin] == '"') ++begin;
    const size_t end = disposition.find_first_of("\";", begin);
    part.name = disposition.substr(begin, end == std::string_view::npos ? end : end - begin);
    if (!part.name.empty()) break;
  }
  if (part.name.empty()) part.name = facts.name;
  part.lines = std::move(job.lines);
  const bool within = part.type == "message/rfc822" || part.type == "message/global";
  if (!within || job.depth == 0) return;
  std::string inner = part.Decoded();
  if (inner.empty()) return;
  auto child = std::make_unique<Part>();
  Part& message = *child;
  part.parts.push_back(std::move(child));
  part.has_parts = true;
  part.lines.clear();
  kept_.push_back(std::move(inner));
  BeginMessage(message, Lines(kept_.back()), job.depth - 1, false);
}

void MessageTree::AppendBodyLine(std::vector<std::string_view>& lines, std::string_view line) {
  while (line.size() > kLongestLine) {
    kept_.push_back(std::string(line.substr(0, kLongestLine)) + "\n");
    lines.push_back(kept_.back());
    line.remove_prefix(kLongestLine);
  }
  lines.push_back(line);
}

// Cuts the body of a multipart at its boundary lines.
class MessageTree::Splitter {
 public:
  Splitter(MessageTree& tree, Job& job) : tree_(tree), job_(job) {}

  void Run() {
    job_.part->has_parts = true;
    size_t at = SkipPreamble();
    Begin();
    const std::vector<std::string_view>& lines = job_.lines;
    for (; at < lines.size(); ++at) {
      BoundaryLine kind = BoundaryLineOf(lines[at], job_.boundary);
      if (kind != BoundaryLine::kNone && nested_) {
        nested_ = kind != BoundaryLine::kLast;
        kind = BoundaryLine::kNone;
      }
      const bool last_line = at + 1 == lines.size();
      if (!last_line && kind == BoundaryLine::kNone) {
        TakeLine(lines[at]);
        continue;
      }
      Finish(kind, lines[at]);
      if (kind == BoundaryLine::kLast) {
        --tree_.boundary_state_[job_.boundary];
        LookAtEpilogue(at + 1);
        return;
      }
      if (!last_line && !BeginsField(lines[at + 1], false))
        tree_.flags_["missing_mime_headers"] = true;
      if (++tree_.part_count_ >= tree_.limits_.parts) {
        tree_.flags_["mimepart_limit_exceeded"] = true;
        return;
      }
      Begin();
    }
  }

 private:
  size_t SkipPreamble() {
    const std::vector<std::string_view>& lines = job_.lines;
    for (size_t i = 0; i < lines.size(); ++i) {
      if (BoundaryLineOf(lines[i], job_.boundary) != BoundaryLine::kNext) continue;
      tree_.boundary_state_[job_.boundary] = 1;
      if (i + 1 < lines.size() && !BeginsField(lines[i + 1], false))
        tree_.flags_["missing_mime_headers"] = true;
      return i + 1;
    }
    return 0;
  }

  void Begin() {
    part_ = std::make_unique<Part>();
    lines_.clear();
    field_.clear();
    in_body_ = false;
  }

  void FinishField() {
    const size_t colon = field_.find(':');
    if (field_.empty() || colon == std::string::npos) return;
    const std::string_view key = std::string_view(field_).substr(0, colon);
    std::string_view value = TrimLeft(std::string_view(field_).substr(colon + 1));
    part_->header.Add(key, value);
    if (in_body_ && SameLetters(key, "content-type") &&
        ReadContentType(part_->header.Last("content-type")).boundary == job_.boundary)
      nested_ = true;
    field_.clear();
  }

  void TakeLine(std::string_view line) {
    if (!in_body_) {
      if (BeginsField(line, true)) {
        FinishField();
        field_ = line;
        return;
      }
      if (IsContinuation(line) && !field_.empty()) {
        field_ += line;
        return;
      }
      in_body_ = true;
      FinishField();
      if (line == "\n" || line == "\r\n" || line.empty()) return;
      tree_.flags_["missing_mime_head_body_separator"] = true;
    }
    tree_.AppendBodyLine(lines_, line);
  }

  void Finish(BoundaryLine kind, std::string_view line) {
    if (kind == BoundaryLine::kNone) {
      tree_.AppendBodyLine(lines_, line);
    } else if (!lines_.empty()) {
      if (lines_.back().ends_with('\n')) lines_.back().remove_suffix(1);
      if (lines_.back().empty()) lines_.pop_back();
    }
    const ContentTypeFacts facts = ReadContentType(part_->header.Last("content-type"));
    part_->type =
        facts.missing && job_.part->type == "multipart/digest" ? "message/rfc822" : facts.type;
    const std::string& boundary = facts.boundary.empty() ? job_.boundary : facts.boundary;
    tree_.queue_.push_back({part_.get(), boundary, true, std::move(lines_), job_.depth - 1});
    lines_ = {};
    job_.part->parts.push_back(std::move(part_));
  }

  void LookAtEpilogue(size_t from) {
    for (size_t i = from; i < job_.lines.size(); ++i) {
      if (job_.lines[i].find_first_not_of(" \t\n\r\f\v.") != std::string_view::npos) {
        tree_.flags_["mime_epilogue_exists"] = true;
        return;
      }
    }
  }

  MessageTree& tree_;
  Job& job_;
  std::unique_ptr<Part> part_;
  std::vector<std::string_view> lines_;
  std::string field_;
  bool in_body_ = false;
  bool nested_ = false;
};

void MessageTree::Work(Job job) {
  if (job.part->type.starts_with("multipart/") && job.has_boundary && job.depth > 0) {
    Splitter(*this, job).Run();
  } else {
    ReadLeaf(std::move(job));
  }
}

namespace {

void Collect(const Part& part, bool leaves_only, std::vector<const Part*>& found) {
  // Depth is bounded by TreeLimits.
  if (!leaves_only || !part.has_parts) found.push_back(&part);
  for (const std::unique_ptr<Part>& child : part.parts) Collect(*child, leaves_only, found);
}

}  // namespace

std::vector<const Part*> MessageTree::AllParts() const {
  std::vector<const Part*> found;
  Collect(root_, false, found);
  return found;
}

std::vector<const Part*> MessageTree::Leaves() const {
  std::vector<const Part*> found;
  Collect(root_, true, found);
  return found;
}

}  // namespace cleanmail::scanner::spam
