#include "services/scanner/worker/containers.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/cat.h"
#include "libs/mail/mime/contents.h"

namespace cleanmail::scanner::worker {
namespace {

using std::string_view_literals::operator""sv;

uint64_t Number(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  if (at > bytes.size() || size > bytes.size() - at) return 0;
  for (size_t i = size; i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[at + i - 1]);
  return value;
}

// Takes a text that ends with a zero byte from the front.
std::string_view TakeText(std::string_view& from) {
  const std::string_view text = from.substr(0, from.find('\0'));
  from.remove_prefix(std::min(from.size(), text.size() + 1));
  return text;
}

// [MS-OLEDS] §2.3.6: size, a label, a file name, the place it came from, the file.
ContainedFile ReadNative(std::string_view stream) {
  std::string_view rest = stream.substr(std::min<size_t>(stream.size(), 6));
  TakeText(rest);
  ContainedFile file;
  file.name = std::string(TakeText(rest));
  const uint64_t place = Number(rest, 4, 4);
  if (rest.size() < 12 || place > rest.size() - 12) {
    file.bytes = std::string(stream);  // not of this form: all of it is looked at
    return file;
  }
  const uint64_t size = Number(rest, 8 + place, 4);
  file.bytes = std::string(rest.substr(12 + place, size));
  return file;
}

// UTF-16 of a name whose letters outside of Latin-1 matter to nobody here.
std::string Narrow(std::string_view wide) {
  std::string name;
  for (size_t i = 0; i + 1 < wide.size(); i += 2)
    name.push_back(wide[i + 1] == 0 && static_cast<uint8_t>(wide[i]) < 0x80 ? wide[i] : '?');
  return name;
}

// The stream `property` in the same storage as `path`.
std::string Beside(const CompoundFile& file, std::string_view path, std::string_view property) {
  const std::string wanted = base::Cat(path.substr(0, path.rfind('/') + 1), property);
  const auto found = std::ranges::find(file.entries(), wanted, &CompoundFile::Entry::path);
  return found == file.entries().end() ? "" : Narrow(file.Read(*found, 1000));
}

}  // namespace

std::vector<ContainedFile> FilesOfCompoundFile(const CompoundFile& file, size_t most_files,
                                               size_t most_bytes) {
  std::vector<ContainedFile> files;
  for (const CompoundFile::Entry& entry : file.entries()) {
    if (files.size() >= most_files) break;
    if (entry.storage) continue;
    const absl::string_view path = base::AbslView(entry.path);
    if (absl::EndsWith(path, "\x01Ole10Native")) {
      files.push_back(ReadNative(file.Read(entry, most_bytes)));
    } else if (absl::EndsWith(path, "__substg1.0_37010102")) {  // an attachment's data
      files.push_back({.name = Beside(file, entry.path, "__substg1.0_3707001F"),
                       .bytes = file.Read(entry, most_bytes)});
    } else if (absl::EndsWith(path, "/Package") || path == "Package") {  // a newer document within
      files.push_back({.name = "Package", .bytes = file.Read(entry, most_bytes)});
    }
  }
  return files;
}

std::vector<ContainedFile> FilesOfOneNote(std::string_view bytes, size_t most_files,
                                          size_t most_bytes) {
  constexpr std::string_view kObject =
      "\xE7\x16\xE3\xBD\x65\x26\x11\x45\xA4\xC4\x8D\x4D\x0B\x7A\x9E\xAC"sv;
  std::vector<ContainedFile> files;
  for (size_t at = bytes.find(kObject); at != std::string_view::npos && files.size() < most_files;
       at = bytes.find(kObject, at + 1)) {
    const uint64_t size = std::min<uint64_t>(Number(bytes, at + 16, 8), most_bytes);
    if (at + 36 >= bytes.size()) break;
    files.push_back({.name = "", .bytes = std::string(bytes.substr(at + 36, size))});
  }
  return files;
}

std::vector<ContainedFile> FilesOfMail(std::string_view bytes, size_t most_files,
                                       size_t most_bytes) {
  const mail::mime::ContentLimits limits = {.structure = {.parts = most_files, .depth = 20},
                                            .contents = most_files,
                                            .bytes = most_bytes,
                                            .levels = 3};
  const mail::mime::Entities entities = mail::mime::FindEntities(bytes, limits.structure);
  std::vector<ContainedFile> files;
  for (mail::mime::Content& content : mail::mime::ReadContents(bytes, entities, limits).list) {
    if (!content.text || content.attachment)
      files.push_back({.name = content.name, .bytes = std::string(content.decoded())});
  }
  return files;
}

bool LooksLikeMail(std::string_view bytes) {
  int known = 0;
  std::string_view rest = bytes.substr(0, 16 << 10);
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty()) break;
    if (line[0] == ' ' || line[0] == '\t') continue;
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return false;
    const std::string name = absl::AsciiStrToLower(base::AbslView(line.substr(0, colon)));
    for (const char* field : {"received", "from", "date", "message-id", "mime-version", "subject",
                              "return-path", "content-type"})
      known += name == field ? 1 : 0;
  }
  return known >= 2;
}

}  // namespace cleanmail::scanner::worker
