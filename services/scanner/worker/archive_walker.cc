#include "services/scanner/worker/archive_walker.h"

#include <algorithm>
#include <memory>

#include <archive.h>
#include <archive_entry.h>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {
namespace {

constexpr size_t kBlock = 64 << 10;
constexpr int64_t kRatioFrom = 1 << 20;  // small files may well shrink a thousandfold

using Archive = std::unique_ptr<archive, decltype(&archive_read_free)>;

// Filters and formats libarchive decodes by itself. Not those for which it starts a program (lzop,
// lrzip, grzip), nor mtree, which names files of this machine.
constexpr int (*kFilters[])(archive*) = {
    &archive_read_support_filter_gzip,     &archive_read_support_filter_bzip2,
    &archive_read_support_filter_compress, &archive_read_support_filter_lzma,
    &archive_read_support_filter_xz,       &archive_read_support_filter_lzip,
    &archive_read_support_filter_zstd,     &archive_read_support_filter_lz4};
constexpr int (*kFormats[])(archive*) = {
    &archive_read_support_format_7zip,    &archive_read_support_format_ar,
    &archive_read_support_format_cab,     &archive_read_support_format_cpio,
    &archive_read_support_format_iso9660, &archive_read_support_format_lha,
    &archive_read_support_format_rar,     &archive_read_support_format_rar5,
    &archive_read_support_format_tar,     &archive_read_support_format_zip};

// With `formats`, archives; else, and where there is none within, one compressed file.
Archive Open(std::string_view bytes, std::span<const std::string> passwords, bool formats) {
  Archive reader(archive_read_new(), &archive_read_free);
  for (const auto support : kFilters) support(reader.get());
  for (const auto support : kFormats) {
    if (formats) support(reader.get());
  }
  archive_read_support_format_raw(reader.get());
  for (const std::string& password : passwords)
    archive_read_add_passphrase(reader.get(), password.c_str());
  if (archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) == ARCHIVE_FATAL)
    return Archive(nullptr, &archive_read_free);
  return reader;
}

std::string ErrorOf(archive* reader) {
  const char* const text = archive_error_string(reader);
  return text == nullptr ? "unreadable" : text;
}

// The name of what a compressed file holds: "a.tgz" → "a.tar", "a.txt.gz" → "a.txt".
std::string InnerName(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return std::string(name);
  const std::string_view extension = name.substr(dot + 1);
  const bool tar = extension == "tgz" || extension == "tbz" || extension == "txz";
  return base::Cat(name.substr(0, dot), tar ? ".tar" : "");
}

class Walk {
 public:
  Walk(std::string_view bytes, std::string_view name, ArchiveBudget& budget)
      : packed_(static_cast<int64_t>(bytes.size())), name_(name), budget_(budget) {}

  WalkResult Run(archive* reader, const std::function<void(const ArchivedFile&)>& visit) {
    archive_entry* entry = nullptr;
    while (result_.limit.empty()) {
      const int status = archive_read_next_header(reader, &entry);
      if (status == ARCHIVE_EOF) break;
      if (status == ARCHIVE_RETRY) {
        if (!Spend()) break;
        continue;
      }
      if (status == ARCHIVE_FATAL) {
        Complain(reader);
        break;
      }
      if (!Spend()) break;
      if (archive_entry_filetype(entry) == AE_IFDIR) continue;
      const ArchivedFile file = Read(reader, entry);
      visit(file);
    }
    if (archive_read_has_encrypted_entries(reader) > 0) result_.encrypted = true;
    return std::move(result_);
  }

 private:
  // Counts one more file; false past the limits.
  bool Spend() {
    if (--budget_.files_left < 0) return Stop("more files than are looked at");
    return InTime();
  }
  bool InTime() {
    if (absl::Now() > budget_.deadline) return Stop("unpacking takes too long");
    return true;
  }
  bool Stop(std::string_view why) {
    result_.limit = std::string(why);
    return false;
  }

  void Complain(archive* reader) {
    const std::string error = ErrorOf(reader);
    // Some formats have no flag for it, only words.
    if (absl::StrContains(error, "ncrypt") || absl::StrContains(error, "assphrase"))
      result_.encrypted = true;
    else
      result_.broken = error;
  }

  ArchivedFile Read(archive* reader, archive_entry* entry) {
    ArchivedFile file;
    const char* name = archive_entry_pathname_utf8(entry);
    if (name == nullptr) name = archive_entry_pathname(entry);
    if (name != nullptr) file.name = name;
    if (archive_format(reader) == ARCHIVE_FORMAT_RAW) file.name = InnerName(name_);
    const bool encrypted = archive_entry_is_data_encrypted(entry) != 0;
    const bool whole = ReadData(reader, file);
    if (encrypted) {
      result_.encrypted = true;
      file.encrypted = !whole;
      if (whole)
        result_.opened = true;
      else
        file.bytes.clear();
    }
    return file;
  }

  // False when the data could not be read to its end.
  bool ReadData(archive* reader, ArchivedFile& file) {
    char block[kBlock];
    while (true) {
      const la_ssize_t size = archive_read_data(reader, block, sizeof(block));
      if (size == 0) return true;
      if (size == ARCHIVE_RETRY) {
        if (!InTime()) return false;
        continue;
      }
      if (size < 0) {
        Complain(reader);
        return false;
      }
      unpacked_ += size;
      budget_.bytes_left -= size;
      if (static_cast<int64_t>(file.bytes.size()) + size > budget_.file_bytes) {
        file.cut = true;
        Stop("a file is longer than is looked at");
        return true;
      }
      file.bytes.append(block, static_cast<size_t>(size));
      if (budget_.bytes_left < 0) return Stop("more bytes than are looked at");
      if (unpacked_ > kRatioFrom && unpacked_ / std::max<int64_t>(packed_, 1) >= budget_.ratio)
        return Stop("packed too tightly");
      if (!InTime()) return false;
    }
  }

  const int64_t packed_;
  const std::string_view name_;
  ArchiveBudget& budget_;
  int64_t unpacked_ = 0;
  WalkResult result_;
};

}  // namespace

WalkResult WalkArchive(std::string_view bytes, std::string_view name,
                       std::span<const std::string> passwords, ArchiveBudget& budget,
                       const std::function<void(const ArchivedFile&)>& visit) {
  const Archive reader = Open(bytes, passwords, true);
  if (reader == nullptr) return {.broken = "unreadable"};
  bool empty = true;
  WalkResult result = Walk(bytes, name, budget).Run(reader.get(), [&](const ArchivedFile& file) {
    empty = false;
    visit(file);
  });
  // A compressed file that begins with zeros is taken for a tar without files.
  if (!empty || archive_filter_code(reader.get(), 0) == ARCHIVE_FILTER_NONE) return result;
  const Archive file = Open(bytes, passwords, false);
  return file == nullptr ? result : Walk(bytes, name, budget).Run(file.get(), visit);
}

}  // namespace cleanmail::scanner::worker
