#include "services/scanner/worker/inspection.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"
#include "libs/base/status_macros.h"
#include "services/scanner/worker/archive_walker.h"
#include "services/scanner/worker/containers.h"
#include "services/scanner/worker/documents.h"
#include "services/scanner/worker/file_type.h"
#include "services/scanner/worker/observations.h"
#include "services/scanner/worker/pictures.h"

namespace cleanmail::scanner::worker {
namespace {

constexpr std::string_view kOwnName = "files";
constexpr int kMostInnerFiles = 200;
constexpr size_t kMostContained = 200;
constexpr int kMostLinks = 20;
constexpr size_t kLongestLink = 1000;
constexpr size_t kMostFactBytes = 64 << 10;  // an answer must fit a packet
constexpr int kMostPictures = 30;
constexpr size_t kLongestName = 255;

// A file on its way through the inspection.
struct File {
  std::string_view bytes;
  std::vector<std::string> names;  // its own, without folders; some parts have several
  std::string path;                // of all containers and itself, for people
  std::string number;              // of the part it is, or is in
  int depth = 0;                   // archives around it
  bool attachment = true;

  std::string_view name() const { return names.empty() ? std::string_view() : names[0]; }
};

std::string WithoutFolders(std::string_view path) {
  const size_t slash = path.find_last_of("/\\");
  return std::string(path.substr(slash == std::string_view::npos ? 0 : slash + 1));
}

// At most `most` bytes, not cut within a character.
std::string Cut(std::string_view text, size_t most) {
  if (text.size() <= most) return std::string(text);
  while (most > 0 && (static_cast<uint8_t>(text[most]) & 0xC0) == 0x80) --most;
  return std::string(text.substr(0, most));
}

// Bytes that a proto's string takes: UTF-8 and nothing else.
std::string Text(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size();) {
    const auto c = static_cast<uint8_t>(bytes[i]);
    size_t length = c < 0x80                ? 1
                    : c >= 0xC2 && c < 0xE0 ? 2
                    : c >= 0xE0 && c < 0xF0 ? 3
                    : c >= 0xF0 && c < 0xF5 ? 4
                                            : 0;
    for (size_t k = 1; k < length; ++k) {
      if (i + k >= bytes.size() || (static_cast<uint8_t>(bytes[i + k]) & 0xC0) != 0x80) length = 0;
    }
    if (length == 3) {
      const auto second = static_cast<uint8_t>(bytes[i + 1]);
      if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F)) length = 0;
    }
    if (length == 4) {
      const auto second = static_cast<uint8_t>(bytes[i + 1]);
      if ((c == 0xF0 && second < 0x90) || (c == 0xF4 && second > 0x8F)) length = 0;
    }
    if (length == 0) {
      text.push_back('?');
      ++i;
    } else {
      text.append(bytes.substr(i, length));
      i += length;
    }
  }
  return text;
}

class Inspection {
 public:
  Inspection(const v1::ScanTask& task, const v1::InspectionLimits& limits,
             std::span<const std::unique_ptr<FileEngine>> engines)
      : limits_(limits),
        engines_(engines),
        passwords_(task.passwords().begin(), task.passwords().end()) {
    budget_ = {.files_left = limits.files() > 0 ? limits.files() : 1 << 30,
               .file_bytes = limits.file_bytes() > 0 ? limits.file_bytes() : int64_t{1} << 40,
               .bytes_left = limits.total_bytes() > 0 ? limits.total_bytes() : int64_t{1} << 40,
               .ratio = limits.ratio() > 0 ? limits.ratio() : 1 << 30};
    if (limits.archive_millis() > 0)
      budget_.deadline = absl::Now() + absl::Milliseconds(limits.archive_millis());
  }

  absl::Status AskEngines(std::string_view bytes, std::string_view where) {
    for (const std::unique_ptr<FileEngine>& engine : engines_) {
      CLEANMAIL_ASSIGN_OR_RETURN(const std::vector<Match> matches, engine->Scan(bytes));
      for (const Match& match : matches) {
        const FindingId finding = match.kind == Match::Kind::kMalware ? FindingId::kMalware
                                  : match.kind == Match::Kind::kTooLarge
                                      ? FindingId::kEngineLimit
                                      : FindingId::kSuspiciousFile;
        seen_.Add(finding, engine->name(),
                  where.empty() ? match.signature : base::Cat(match.signature, " in ", where));
      }
    }
    return absl::OkStatus();
  }

  // Errors are an engine's.
  absl::Status LookAt(const File& file) {
    CLEANMAIL_RETURN_IF_ERROR(AskEngines(file.bytes, file.path));
    const FileType type = TypeOf(file.bytes);
    if (file.attachment) LookAtNames(file, type);
    switch (type) {
      case FileType::kCompoundFile:
        if (const auto compound = CompoundFile::Open(file.bytes); compound.ok()) {
          Tell(LookAtCompoundFile(*compound), file);
          return LookAtContained(file, FilesOfCompoundFile(*compound, kMostContained, MostBytes()));
        }
        break;
      case FileType::kOneNote:
        return LookAtContained(file, FilesOfOneNote(file.bytes, kMostContained, MostBytes()));
      case FileType::kPdf:
        Tell(LookAtPdf(file.bytes), file);
        break;
      case FileType::kHtml:
      case FileType::kText:
      case FileType::kSvg:
        if (file.attachment) LookAtMarkup(file, type);
        if (file.attachment && LooksLikeMail(file.bytes))
          return LookAtContained(file, FilesOfMail(file.bytes, kMostContained, MostBytes()));
        break;
      default:
        break;
    }
    if (IsPicture(type)) LookAtPicture(file, type);
    if (IsArchive(type)) return Unpack(file);
    if (type == FileType::kArj || type == FileType::kAce)
      Add(FindingId::kUnknownArchive, file, MediaType(type));
    return absl::OkStatus();
  }

  v1::ScanAnswer Answer() && {
    std::move(seen_).MoveTo(answer_);
    for (v1::Observation& one : *answer_.mutable_observations())
      one.set_evidence(Text(one.evidence()));
    return std::move(answer_);
  }

 private:
  void Add(FindingId finding, const File& file, std::string_view what) {
    seen_.Add(finding, kOwnName,
              what.empty() ? file.path : base::Cat(Cut(file.path, 150), ": ", what));
  }

  void LookAtNames(const File& file, FileType type) {
    if (file.names.empty()) LookAtName("", file, type);
    for (const std::string& name : file.names) LookAtName(name, file, type);
  }

  void LookAtName(std::string_view name, const File& file, FileType type) {
    const std::string extension = ExtensionOf(name);
    if (const std::string_view danger = DangerOf(type, extension); !danger.empty())
      Add(FindingId::kDangerousFile, file, danger);
    if (Contradicts(type, extension)) Add(FindingId::kTypeMismatch, file, MediaType(type));
    if (HasDoubleExtension(name)) Add(FindingId::kDoubleExtension, file, "");
    if (HasReversedText(name)) Add(FindingId::kReversedName, file, "");
  }

  void LookAtMarkup(const File& file, FileType type) {
    const std::string extension = ExtensionOf(file.name());
    const bool page = type != FileType::kText || extension.starts_with("htm") ||
                      extension.starts_with("xht") || extension == "shtml";
    if (page) {
      if (const std::string how = FindSmuggling(file.bytes); !how.empty())
        Add(FindingId::kHtmlSmuggling, file, how);
      if (const std::string how = FindHiddenScript(file.bytes); !how.empty())
        Add(FindingId::kHiddenScript, file, how);
    }
    if ((type == FileType::kSvg || extension == "svg") && HasScript(file.bytes))
      Add(FindingId::kSvgScript, file, "");
  }

  void Tell(const DocumentFacts& facts, const File& file) {
    if (facts.macros) Add(FindingId::kMacroDocument, file, facts.calls);
    if (facts.macros && !facts.runs_itself.empty())
      Add(FindingId::kMacroRunsItself, file, facts.runs_itself);
    if (facts.encrypted) Add(FindingId::kEncryptedDocument, file, "");
    if (facts.installer && file.attachment)
      Add(FindingId::kDangerousFile, file, "an installer for Windows");
    if (!facts.active.empty()) Add(FindingId::kActivePdf, file, facts.active);
  }

  void LookAtPicture(const File& file, FileType type) {
    if (limits_.picture_pixels() <= 0 || ++pictures_ > kMostPictures) return;
    const auto picture = DecodePicture(type, file.bytes, limits_.picture_pixels());
    if (!picture.ok()) return;
    for (const std::string& code : ReadCodes(*picture)) {
      const std::string link = Cut(Text(LinkOf(code)), kLongestLink);
      if (link.empty()) continue;
      Add(FindingId::kQrLink, file, link);
      if (answer_.links_size() < kMostLinks &&
          std::ranges::find(answer_.links(), link) == answer_.links().end())
        answer_.add_links(link);
    }
  }

  size_t MostBytes() const {
    return static_cast<size_t>(
        std::max<int64_t>(0, std::min(budget_.file_bytes, budget_.bytes_left)));
  }
  bool TooDeep(const File& container) {
    if (limits_.depth() <= 0 || container.depth < limits_.depth()) return false;
    Add(FindingId::kArchiveLimit, container, "archives within archives, too deep");
    return true;
  }

  // Files that were copied out of a document or message, within the budget of archives.
  absl::Status LookAtContained(const File& container, const std::vector<ContainedFile>& files) {
    if (files.empty() || TooDeep(container)) return absl::OkStatus();
    for (const ContainedFile& inner : files) {
      budget_.bytes_left -= static_cast<int64_t>(inner.bytes.size());
      if (--budget_.files_left < 0 || budget_.bytes_left < 0 || absl::Now() > budget_.deadline) {
        Add(FindingId::kArchiveLimit, container, "more is in it than is looked at");
        break;
      }
      CLEANMAIL_RETURN_IF_ERROR(LookAtInner(container, {.name = inner.name, .bytes = inner.bytes}));
    }
    return absl::OkStatus();
  }

  absl::Status Unpack(const File& archive) {
    if (TooDeep(archive)) return absl::OkStatus();
    absl::Status failure;
    const WalkResult result = WalkArchive(archive.bytes, archive.name(), passwords_, budget_,
                                          [&](const ArchivedFile& inner) {
                                            if (failure.ok()) failure = LookAtInner(archive, inner);
                                          });
    CLEANMAIL_RETURN_IF_ERROR(failure);
    if (!result.limit.empty()) Add(FindingId::kArchiveLimit, archive, result.limit);
    if (!result.broken.empty()) Add(FindingId::kUnknownArchive, archive, result.broken);
    if (result.encrypted)
      Add(FindingId::kEncryptedArchive, archive,
          result.opened ? "opened with a word of the message" : "");
    if (result.opened) Add(FindingId::kPasswordInText, archive, "");
    return absl::OkStatus();
  }

  absl::Status LookAtInner(const File& archive, const ArchivedFile& inner) {
    File file = {.bytes = inner.bytes,
                 .names = {WithoutFolders(inner.name)},
                 .path = base::Cat(archive.path, "/", Cut(inner.name, kLongestName)),
                 .number = archive.number,
                 .depth = archive.depth + 1};
    AddFact(file, inner);
    if (inner.encrypted) {  // of its name something can be said all the same
      LookAtNames(file, FileType::kUnknown);
      return absl::OkStatus();
    }
    if (absl::EqualsIgnoreCase(base::AbslView(file.name()), "vbaproject.bin")) {
      Tell(LookAtVbaProject(file.bytes), archive);
      return AskEngines(file.bytes, file.path);
    }
    if (inner.name.starts_with("xl/macrosheets/") && inner.name.ends_with(".xml"))
      Add(FindingId::kMacroDocument, archive, "an Excel 4 macro sheet");
    return LookAt(file);
  }

  void AddFact(const File& file, const ArchivedFile& inner) {
    if (answer_.files_size() >= kMostInnerFiles || fact_bytes_ > kMostFactBytes) return;
    v1::InnerFile& fact = *answer_.add_files();
    fact.set_number(file.number);
    fact.set_path(Cut(Text(file.path), kLongestName));
    fact.set_name(Cut(Text(file.name()), kLongestName));
    if (!inner.encrypted) fact.set_type(std::string(MediaType(TypeOf(inner.bytes))));
    fact.set_size(static_cast<int64_t>(inner.bytes.size()));
    fact_bytes_ += fact.ByteSizeLong();
  }

  const v1::InspectionLimits& limits_;
  const std::span<const std::unique_ptr<FileEngine>> engines_;
  const std::vector<std::string> passwords_;
  ArchiveBudget budget_;
  int pictures_ = 0;
  size_t fact_bytes_ = 0;
  Observations seen_;
  v1::ScanAnswer answer_;
};

absl::StatusOr<v1::ScanAnswer> LookAtAll(const v1::ScanTask& task, std::string_view bytes,
                                         const v1::InspectionLimits& limits,
                                         std::span<const std::unique_ptr<FileEngine>> engines) {
  const auto slice = [bytes](int64_t begin, int64_t size) -> absl::StatusOr<std::string_view> {
    const auto whole = static_cast<int64_t>(bytes.size());
    if (begin < 0 || size < 0 || begin > whole || size > whole - begin)
      return absl::InvalidArgumentError("a content outside of the task");
    return bytes.substr(static_cast<size_t>(begin), static_cast<size_t>(size));
  };
  Inspection inspection(task, limits, engines);
  CLEANMAIL_ASSIGN_OR_RETURN(const std::string_view message, slice(0, task.message_bytes()));
  CLEANMAIL_RETURN_IF_ERROR(inspection.AskEngines(message, ""));
  for (const v1::ScanTask::Item& item : task.items()) {
    CLEANMAIL_ASSIGN_OR_RETURN(const std::string_view content, slice(item.begin(), item.size()));
    CLEANMAIL_RETURN_IF_ERROR(inspection.LookAt(
        {.bytes = content,
         .names = {item.names().begin(), item.names().end()},
         .path = item.names_size() == 0 ? base::Cat("part ", item.number()) : item.names(0),
         .number = item.number(),
         .attachment = item.attachment()}));
  }
  return std::move(inspection).Answer();
}

}  // namespace

v1::ScanAnswer Inspect(const v1::ScanTask& task, std::string_view bytes,
                       const v1::InspectionLimits& limits,
                       std::span<const std::unique_ptr<FileEngine>> engines) {
  absl::StatusOr<v1::ScanAnswer> answer = LookAtAll(task, bytes, limits, engines);
  if (answer.ok()) return *std::move(answer);
  v1::ScanAnswer failed;
  failed.set_error(std::string(answer.status().message()));
  return failed;
}

}  // namespace cleanmail::scanner::worker
