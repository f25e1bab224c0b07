#define ZX_USE_UTF8
#include "services/scanner/worker/test_files.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>

#include <ZXing/BitMatrix.h>
#include <ZXing/MultiFormatWriter.h>
#include <archive.h>
#include <archive_entry.h>
#include <gtest/gtest.h>
#include <png.h>

#include "absl/strings/escaping.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {
namespace {

la_ssize_t Append(archive*, void* to, const void* bytes, size_t size) {
  static_cast<std::string*>(to)->append(static_cast<const char*>(bytes), size);
  return static_cast<la_ssize_t>(size);
}

void Put(std::string& to, uint64_t number, size_t size) {
  for (size_t i = 0; i < size; ++i, number >>= 8) to.push_back(static_cast<char>(number & 0xFF));
}

void PutAt(std::string& to, size_t at, uint64_t number, size_t size) {
  std::string bytes;
  Put(bytes, number, size);
  to.replace(at, size, bytes);
}

constexpr uint32_t kEndOfChain = 0xFFFFFFFE, kFree = 0xFFFFFFFF;

// Sectors of a compound file and the table of their chains.
struct Sectors {
  size_t size;
  std::string bytes;
  std::vector<uint32_t> table;

  uint32_t Add(std::string_view stream) {
    if (stream.empty()) return kEndOfChain;
    const auto first = static_cast<uint32_t>(table.size());
    for (size_t at = 0; at < stream.size(); at += size) {
      const std::string_view sector = stream.substr(at, size);
      bytes.append(sector);
      bytes.append(size - sector.size(), '\0');
      table.push_back(static_cast<uint32_t>(table.size()) + 1);
    }
    table.back() = kEndOfChain;
    return first;
  }
};

struct DirectoryEntry {
  std::string name;
  uint8_t type;
  uint32_t right = kFree, child = kFree, start = 0;
  uint64_t size = 0;
};

std::string ToBytes(const DirectoryEntry& entry) {
  std::string bytes;
  for (const char c : entry.name) Put(bytes, static_cast<uint8_t>(c), 2);
  bytes.resize(64, '\0');
  Put(bytes, (entry.name.size() + 1) * 2, 2);
  Put(bytes, entry.type, 1);
  Put(bytes, 1, 1);
  Put(bytes, kFree, 4);
  Put(bytes, entry.right, 4);
  Put(bytes, entry.child, 4);
  bytes.append(36, '\0');
  Put(bytes, entry.start, 4);
  Put(bytes, entry.size, 8);
  return bytes;
}

}  // namespace

std::string MakeArchive(const std::vector<NamedFile>& files, const ArchiveOptions& options) {
  std::string bytes;
  archive* const writer = archive_write_new();
  EXPECT_EQ(archive_write_set_format_by_name(writer, options.format.c_str()), ARCHIVE_OK)
      << archive_error_string(writer);
  if (options.filter != "none") archive_write_add_filter_by_name(writer, options.filter.c_str());
  if (!options.password.empty()) {
    archive_write_set_passphrase(writer, options.password.c_str());
    EXPECT_EQ(
        archive_write_set_format_option(writer, "zip", "encryption", options.encryption.c_str()),
        ARCHIVE_OK);
  }
  archive_write_set_bytes_in_last_block(writer, 1);
  archive_write_open(writer, &bytes, nullptr, &Append, nullptr);
  for (const NamedFile& file : files) {
    archive_entry* const entry = archive_entry_new();
    archive_entry_set_pathname(entry, file.name.c_str());
    archive_entry_set_size(entry, static_cast<int64_t>(file.bytes.size()));
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    EXPECT_EQ(archive_write_header(writer, entry), ARCHIVE_OK) << archive_error_string(writer);
    archive_write_data(writer, file.bytes.data(), file.bytes.size());
    archive_entry_free(entry);
  }
  archive_write_close(writer);
  archive_write_free(writer);
  return bytes;
}

std::string Compress(std::string_view bytes, const std::string& filter) {
  return MakeArchive({{"data", std::string(bytes)}}, {.format = "raw", .filter = filter});
}

std::string MakeCompoundFile(const std::vector<NamedFile>& streams) {
  Sectors large = {512, "", {}}, small = {64, "", {}};
  std::vector<DirectoryEntry> entries = {{.name = "Root Entry", .type = 5}};
  std::map<std::string, size_t> storages = {{"", 0}};
  std::map<size_t, size_t> last_child;
  const auto add = [&](size_t parent, DirectoryEntry entry) {
    const size_t index = entries.size();
    entries.push_back(std::move(entry));
    if (last_child.contains(parent))
      entries[last_child[parent]].right = static_cast<uint32_t>(index);
    else
      entries[parent].child = static_cast<uint32_t>(index);
    last_child[parent] = index;
    return index;
  };
  for (const NamedFile& stream : streams) {
    size_t parent = 0, from = 0;
    for (size_t slash; (slash = stream.name.find('/', from)) != std::string::npos;
         from = slash + 1) {
      const std::string path = stream.name.substr(0, slash);
      if (!storages.contains(path))
        storages[path] = add(parent, {.name = stream.name.substr(from, slash - from), .type = 1});
      parent = storages[path];
    }
    Sectors& sectors = stream.bytes.size() < 4096 ? small : large;
    add(parent, {.name = stream.name.substr(from),
                 .type = 2,
                 .start = sectors.Add(stream.bytes),
                 .size = stream.bytes.size()});
  }
  entries[0].start = large.Add(small.bytes);
  entries[0].size = small.bytes.size();
  std::string directory, small_table;
  for (const DirectoryEntry& entry : entries) directory += ToBytes(entry);
  for (const uint32_t next : small.table) Put(small_table, next, 4);
  small_table.resize((small_table.size() + 511) / 512 * 512, '\xFF');
  const uint32_t directory_start = large.Add(directory);
  const uint32_t small_table_start = large.Add(small_table);
  std::string header("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8);
  header.resize(512, '\0');
  PutAt(header, 24, 0x3E, 2);
  PutAt(header, 26, 3, 2);
  PutAt(header, 28, 0xFFFE, 2);
  PutAt(header, 30, 9, 2);
  PutAt(header, 32, 6, 2);
  PutAt(header, 48, directory_start, 4);
  PutAt(header, 56, 4096, 4);
  PutAt(header, 60, small_table_start, 4);
  PutAt(header, 68, kEndOfChain, 4);
  // The table describes its own sectors as well.
  size_t tables = 1;
  while (tables * 128 < large.table.size() + tables) ++tables;
  for (size_t i = 0; i < 109; ++i)
    PutAt(header, 76 + 4 * i, i < tables ? large.table.size() + i : kFree, 4);
  PutAt(header, 44, tables, 4);
  std::string table;
  for (const uint32_t next : large.table) Put(table, next, 4);
  for (size_t i = 0; i < tables; ++i) Put(table, 0xFFFFFFFD, 4);
  table.resize(tables * 512, '\xFF');
  return header + large.bytes + table;
}

std::string CompressVba(std::string_view source) {
  std::string container("\x01");
  for (size_t begin = 0; begin < source.size(); begin += 3000) {
    const std::string_view part = source.substr(begin, 3000);
    std::string chunk;
    for (size_t at = 0; at < part.size(); at += 8) {
      chunk.push_back('\0');
      chunk.append(part.substr(at, 8));
    }
    Put(container, 0xB000 | (chunk.size() - 1), 2);
    container += chunk;
  }
  return container;
}

std::string MakeMacroDocument(std::string_view source) {
  return MakeCompoundFile({{"WordDocument", std::string(5000, '\x02')},
                           {"Macros/PROJECT", "ID=\"{0}\""},
                           {"Macros/VBA/_VBA_PROJECT", "\xCC\x61"},
                           {"Macros/VBA/Module1", std::string(700, 'p') + CompressVba(source)}});
}

std::string MakeQrPng(const std::string& text) {
  ZXing::MultiFormatWriter writer(ZXing::BarcodeFormat::QRCode);
  writer.setMargin(4);
  const ZXing::BitMatrix matrix = writer.encode(text, 200, 200);
  std::vector<uint8_t> pixels;
  for (int y = 0; y < matrix.height(); ++y) {
    for (int x = 0; x < matrix.width(); ++x) pixels.push_back(matrix.get(x, y) ? 0 : 255);
  }
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(matrix.width());
  image.height = static_cast<png_uint_32>(matrix.height());
  image.format = PNG_FORMAT_GRAY;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&image, nullptr, &size, 0, pixels.data(), 0, nullptr);
  std::string png(size, '\0');
  png_image_write_to_memory(&image, png.data(), &size, 0, pixels.data(), 0, nullptr);
  png.resize(size);
  return png;
}

std::string MakeTnef(const std::string& name, std::string_view bytes) {
  std::string tnef;
  Put(tnef, 0x223E9F78, 4);
  Put(tnef, 1, 2);
  const auto attribute = [&tnef](int level, uint32_t id, std::string_view value) {
    Put(tnef, static_cast<uint64_t>(level), 1);
    Put(tnef, id, 4);
    Put(tnef, value.size(), 4);
    tnef.append(value);
    uint16_t sum = 0;
    for (const char c : value) sum = static_cast<uint16_t>(sum + static_cast<uint8_t>(c));
    Put(tnef, sum, 2);
  };
  std::string version;
  Put(version, 0x00010000, 4);
  attribute(1, 0x00089006, version);                      // attTnefVersion
  attribute(2, 0x00069002, std::string(14, '\0'));        // attAttachRendData
  attribute(2, 0x00018010, name + std::string(1, '\0'));  // attAttachTitle
  attribute(2, 0x0006800F, bytes);                        // attAttachData
  return tnef;
}

std::string MailWithFile(std::string_view text, const std::string& name, std::string_view bytes,
                         std::string_view type) {
  constexpr size_t kLine = 76;  // RFC 2045 §6.8
  std::string encoded;
  const std::string all = absl::Base64Escape(base::AbslView(bytes));
  for (size_t at = 0; at < all.size(); at += kLine) encoded += all.substr(at, kLine) + "\r\n";
  return base::Cat("From: eve@example.net\r\nTo: ann@example.org\r\nSubject: Papers\r\n",
                   "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n",
                   "Content-Type: text/plain; charset=utf-8\r\n\r\n", text, "\r\n--b\r\n",
                   "Content-Type: ", type, "; name=\"", name, "\"\r\n",
                   "Content-Disposition: attachment; filename=\"", name, "\"\r\n",
                   "Content-Transfer-Encoding: base64\r\n\r\n", encoded, "--b--\r\n");
}

}  // namespace cleanmail::scanner::worker
