#include "services/scanner/worker/compound_file.h"

#include <algorithm>

namespace cleanmail::scanner::worker {
namespace {

constexpr uint32_t kNoSector = 0xFFFFFFFA;  // from here on numbers are marks ([MS-CFB] §2.1)
constexpr uint32_t kNoEntry = 0xFFFFFFFF;
constexpr size_t kSmallSector = 64;
constexpr size_t kEntrySize = 128;
constexpr size_t kMostEntries = 10'000;
constexpr size_t kMostBytes = 256 << 20;

uint64_t Number(std::string_view bytes, size_t at, size_t size) {
  uint64_t value = 0;
  if (at + size > bytes.size()) return 0;
  for (size_t i = size; i > 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[at + i - 1]);
  return value;
}
uint32_t Number32(std::string_view bytes, size_t at) {
  return static_cast<uint32_t>(Number(bytes, at, 4));
}

// UTF-16 of a name as UTF-8; halves of surrogates one by one, which is enough to compare names.
std::string Name(std::string_view wide) {
  std::string name;
  for (size_t i = 0; i + 1 < wide.size(); i += 2) {
    const auto c = static_cast<uint32_t>(Number(wide, i, 2));
    if (c < 0x80) {
      name.push_back(static_cast<char>(c));
    } else if (c < 0x800) {
      name.push_back(static_cast<char>(0xC0 | c >> 6));
      name.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    } else if (c < 0xD800 || c > 0xDFFF) {
      name.push_back(static_cast<char>(0xE0 | c >> 12));
      name.push_back(static_cast<char>(0x80 | (c >> 6 & 0x3F)));
      name.push_back(static_cast<char>(0x80 | (c & 0x3F)));
    } else {
      name.push_back('?');
    }
  }
  return name;
}

}  // namespace

// An entry of the directory as it stands there.
struct CompoundFile::Item {
  std::string name;
  uint8_t type = 0;  // 1 storage, 2 stream, 5 root
  uint32_t left = kNoEntry, right = kNoEntry, child = kNoEntry;
  uint32_t start = 0;
  uint64_t size = 0;
};

absl::StatusOr<CompoundFile> CompoundFile::Open(std::string_view bytes) {
  if (bytes.size() < 512 || !bytes.starts_with("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"))
    return absl::InvalidArgumentError("no compound file");
  CompoundFile file;
  file.bytes_ = bytes;
  const uint64_t shift = Number(bytes, 30, 2);
  if (shift < 7 || shift > 16) return absl::InvalidArgumentError("sectors of a strange size");
  file.sector_ = size_t{1} << shift;
  file.small_below_ = Number32(bytes, 56);
  if (!file.ReadTables()) return absl::InvalidArgumentError("no sector table");
  file.ReadDirectory();
  return file;
}

std::string_view CompoundFile::Sector(uint32_t number) const {
  // The header takes the place of a sector ([MS-CFB] §2.2).
  const uint64_t at = (uint64_t{number} + 1) * sector_;
  return at < bytes_.size() ? bytes_.substr(at, sector_) : std::string_view();
}

bool CompoundFile::ReadTables() {
  const size_t sectors = bytes_.size() / sector_ + 1;
  const size_t numbers = sector_ / 4;
  std::vector<uint32_t> places;
  for (size_t i = 0; i < 109; ++i) places.push_back(Number32(bytes_, 76 + 4 * i));
  uint32_t more = Number32(bytes_, 68);
  for (size_t i = 0; more < kNoSector && i < sectors && places.size() <= sectors; ++i) {
    const std::string_view sector = Sector(more);
    if (sector.size() < sector_) break;
    for (size_t k = 0; k + 1 < numbers; ++k) places.push_back(Number32(sector, 4 * k));
    more = Number32(sector, sector_ - 4);
  }
  for (const uint32_t place : places) {
    if (place >= kNoSector || table_.size() >= sectors) break;
    const std::string_view sector = Sector(place);
    for (size_t k = 0; k + 4 <= sector.size(); k += 4) table_.push_back(Number32(sector, k));
  }
  return !table_.empty();
}

std::string CompoundFile::ReadChain(uint32_t start, size_t most) const {
  std::string stream;
  most = std::min({most, bytes_.size(), kMostBytes});
  for (uint32_t at = start; at < table_.size() && stream.size() < most; at = table_[at]) {
    const std::string_view sector = Sector(at);
    if (sector.empty()) break;
    stream.append(sector);  // a ring ends at the length of the file
  }
  stream.resize(std::min(stream.size(), most));
  return stream;
}

void CompoundFile::ReadDirectory() {
  const std::string directory =
      ReadChain(Number32(bytes_, 48), std::min(bytes_.size(), kMostEntries * kEntrySize));
  std::vector<Item> items;
  for (size_t at = 0; at + kEntrySize <= directory.size(); at += kEntrySize) {
    const std::string_view entry = std::string_view(directory).substr(at, kEntrySize);
    const size_t length = std::min<size_t>(Number(entry, 64, 2), 64);
    items.push_back({.name = Name(entry.substr(0, length < 2 ? 0 : length - 2)),
                     .type = static_cast<uint8_t>(entry[66]),
                     .left = Number32(entry, 68),
                     .right = Number32(entry, 72),
                     .child = Number32(entry, 76),
                     .start = Number32(entry, 116),
                     .size = sector_ == 512 ? Number(entry, 120, 4) : Number(entry, 120, 8)});
  }
  if (items.empty()) return;
  const std::string small_table = ReadChain(Number32(bytes_, 60), bytes_.size());
  for (size_t k = 0; k + 4 <= small_table.size(); k += 4)
    small_table_.push_back(Number32(small_table, k));
  small_ = ReadChain(items[0].start, items[0].size);
  Walk(items, items[0].child, "");
}

void CompoundFile::Walk(const std::vector<Item>& items, uint32_t root, const std::string& path) {
  // A tree on paper; anything in bytes: each item is seen once.
  struct Place {
    uint32_t item;
    std::string path;
  };
  std::vector<bool> seen(items.size());
  std::vector<Place> waiting = {{root, path}};
  while (!waiting.empty() && entries_.size() < kMostEntries) {
    const Place place = std::move(waiting.back());
    waiting.pop_back();
    if (place.item >= items.size() || seen[place.item]) continue;
    seen[place.item] = true;
    const Item& item = items[place.item];
    std::string own = place.path;
    if (own.size() < 1000) own += (own.empty() ? "" : "/") + item.name;
    waiting.push_back({item.left, place.path});
    waiting.push_back({item.right, place.path});
    if (item.type == 1) waiting.push_back({item.child, own});
    if (item.type == 1 || item.type == 2)
      entries_.push_back({std::move(own), item.type == 1, item.start, item.size});
  }
}

std::string CompoundFile::Read(const Entry& entry, size_t most) const {
  const auto size = static_cast<size_t>(std::min<uint64_t>(entry.size, most));
  if (entry.size >= small_below_) return ReadChain(entry.start, size);
  std::string stream;
  for (uint32_t at = entry.start; at < small_table_.size() && stream.size() < size;
       at = small_table_[at]) {
    if (size_t{at} * kSmallSector >= small_.size()) break;
    stream.append(small_, size_t{at} * kSmallSector, kSmallSector);
  }
  stream.resize(std::min(stream.size(), size));
  return stream;
}

}  // namespace cleanmail::scanner::worker
