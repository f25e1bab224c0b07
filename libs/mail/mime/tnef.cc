#include "libs/mail/mime/tnef.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include "libs/mail/mime/charset.h"

namespace cleanmail::mail::mime {
namespace {

constexpr uint32_t kSignature = 0x223e9f78;

// Attributes: the name in the low half, its type in the high one (MS-OXTNEF §2.1.3.3).
constexpr uint16_t kBody = 0x800c;
constexpr uint16_t kAttachData = 0x800f;
constexpr uint16_t kAttachTitle = 0x8010;
constexpr uint16_t kAttachRendering = 0x9002;
constexpr uint16_t kMessageProperties = 0x9003;
constexpr uint16_t kAttachmentProperties = 0x9005;
constexpr uint16_t kOemCodepage = 0x9007;

// Properties (MS-OXPROPS).
constexpr uint16_t kPropBody = 0x1000;
constexpr uint16_t kPropRtf = 0x1009;
constexpr uint16_t kPropHtml = 0x1013;
constexpr uint16_t kPropAttachData = 0x3701;
constexpr uint16_t kPropDisplayName = 0x3001;
constexpr uint16_t kPropAttachFilename = 0x3704;
constexpr uint16_t kPropAttachLongFilename = 0x3707;
constexpr uint16_t kPropAttachMimeTag = 0x370e;

// Types of properties.
constexpr uint16_t kObject = 0x0d;
constexpr uint16_t kString8 = 0x1e;
constexpr uint16_t kUnicode = 0x1f;
constexpr uint16_t kBinary = 0x102;
constexpr uint16_t kMultiple = 0x1000;

constexpr size_t kDictionary = 4096;
constexpr uint32_t kCompressed = 0x75465a4c;    // "LZFu"
constexpr uint32_t kUncompressed = 0x414c454d;  // "MELA"
// What the dictionary holds at first (MS-OXRTFCP §2.2.2).
constexpr std::string_view kFirstWords =
    "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern "
    "\\fscript "
    "\\fdecor MS Sans SerifSymbolArialTimes New "
    "RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    "\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx";
static_assert(kFirstWords.size() == 207);

// Takes little-endian numbers and bytes from the front; nothing once too few are left.
class Taker {
 public:
  explicit Taker(std::string_view bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  bool failed() const { return failed_; }
  std::string_view rest() const { return rest_; }

  std::string_view Bytes(size_t count) {
    if (count > rest_.size()) {
      failed_ = true;
      count = rest_.size();
    }
    const std::string_view taken = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return taken;
  }
  uint32_t Number(size_t bytes) {
    const std::string_view taken = Bytes(bytes);
    uint32_t number = 0;
    if (taken.size() < bytes) return 0;
    for (size_t i = bytes; i-- > 0;) number = number << 8 | static_cast<unsigned char>(taken[i]);
    return number;
  }
  uint8_t U8() { return static_cast<uint8_t>(Number(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Number(2)); }
  uint32_t U32() { return Number(4); }
  // As many bytes, then what fills up to a multiple of four.
  std::string_view Padded(size_t count) {
    const std::string_view taken = Bytes(count);
    if (!failed_) rest_.remove_prefix(std::min((4 - count % 4) % 4, rest_.size()));
    return taken;
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

struct Property {
  uint16_t id = 0;
  uint16_t type = 0;
  std::string_view value;  // the first one
};

std::optional<size_t> FixedSize(uint16_t type) {
  switch (type) {
    case 0x02:
    case 0x03:
    case 0x04:
    case 0x0a:
    case 0x0b:
      return 4;
    case 0x05:
    case 0x06:
    case 0x07:
    case 0x14:
    case 0x40:
      return 8;
    case 0x48:
      return 16;
    default:
      return std::nullopt;
  }
}

// Reads one property; nullopt when what follows cannot be read.
std::optional<Property> TakeProperty(Taker& taker) {
  Property property;
  property.type = taker.U16();
  property.id = taker.U16();
  if (property.id >= 0x8000) {
    taker.Bytes(16);
    if (taker.U32() == 0) {
      taker.U32();
    } else {
      taker.Padded(taker.U32());
    }
  }
  const bool multiple = (property.type & kMultiple) != 0;
  property.type &= static_cast<uint16_t>(~kMultiple);
  const std::optional<size_t> fixed = FixedSize(property.type);
  const bool variable = property.type == kObject || property.type == kString8 ||
                        property.type == kUnicode || property.type == kBinary;
  if (!fixed && !variable) return std::nullopt;
  const uint32_t count = multiple || variable ? taker.U32() : 1;
  for (uint32_t i = 0; i < count && !taker.failed(); ++i) {
    const std::string_view value = fixed ? taker.Bytes(*fixed) : taker.Padded(taker.U32());
    if (i == 0) property.value = value;
  }
  return taker.failed() && property.value.empty() ? std::nullopt : std::optional(property);
}

std::string WithoutNuls(std::string text) {
  text.resize(std::min(text.find('\0'), text.size()));
  return text;
}

class Reader {
 public:
  Reader(std::string_view bytes, const TnefLimits& limits) : taker_(bytes), limits_(limits) {}

  Tnef Run() {
    if (taker_.U32() != kSignature) return {};
    taker_.U16();  // key
    while (!taker_.done() && !tnef_.truncated) {
      taker_.U8();  // level
      const uint32_t id = taker_.U32();
      const std::string_view data = taker_.Bytes(taker_.U32());
      taker_.U16();  // checksum
      Attribute(static_cast<uint16_t>(id & 0xffff), data);
      if (taker_.failed()) tnef_.truncated = true;
    }
    return std::move(tnef_);
  }

 private:
  std::string Text(std::string_view bytes, uint16_t type) const {
    const auto text = ToUtf8(type == kUnicode ? "utf-16le" : codepage_, bytes);
    return WithoutNuls(text ? *text : RepairUtf8(bytes));
  }

  // Counts what is kept.
  std::string Keep(std::string_view bytes) {
    if (kept_ + bytes.size() > limits_.bytes) {
      tnef_.truncated = true;
      return {};
    }
    kept_ += bytes.size();
    return std::string(bytes);
  }

  Tnef::File& File() {
    if (tnef_.files.empty()) tnef_.files.emplace_back();
    return tnef_.files.back();
  }

  void AddName(std::string name, bool best) {
    Tnef::File& file = File();
    if (name.empty() || std::ranges::find(file.names, name) != file.names.end()) return;
    if (file.names.size() > 5) return;
    file.names.insert(best ? file.names.begin() : file.names.end(), name);
    file.name = file.names.front();
  }

  void Attribute(uint16_t name, std::string_view data) {
    switch (name) {
      case kOemCodepage:
        if (data.size() >= 4) SetCodepage(Taker(data).U32());
        return;
      case kBody:
        tnef_.text = Keep(Text(data, kString8));
        return;
      case kAttachRendering:
        if (tnef_.files.size() >= limits_.files) {
          tnef_.truncated = true;
        } else {
          tnef_.files.emplace_back();
        }
        return;
      case kAttachTitle:
        return AddName(Text(data, kString8), false);
      case kAttachData:
        File().bytes = Keep(data);
        return;
      case kMessageProperties:
      case kAttachmentProperties:
        return Properties(data, name == kAttachmentProperties);
      default:
        return;
    }
  }

  void SetCodepage(uint32_t number) {
    if (number == 65001) {
      codepage_ = "utf-8";
    } else if (number > 0 && number < 20000) {
      codepage_ = "windows-" + std::to_string(number);
      if (!ToUtf8(codepage_, "x")) codepage_ = "cp" + std::to_string(number);
    }
  }

  void Properties(std::string_view data, bool attachment) {
    Taker taker(data);
    const uint32_t count = taker.U32();
    for (uint32_t i = 0; i < count && !taker.done() && !tnef_.truncated; ++i) {
      const std::optional<Property> property = TakeProperty(taker);
      if (!property) {
        tnef_.truncated = true;
        return;
      }
      if (attachment) {
        AttachmentProperty(*property);
      } else {
        MessageProperty(*property);
      }
    }
  }

  void AttachmentProperty(const Property& property) {
    switch (property.id) {
      case kPropAttachLongFilename:
        return AddName(Text(property.value, property.type), true);
      case kPropAttachFilename:
      case kPropDisplayName:
        return AddName(Text(property.value, property.type), false);
      case kPropAttachMimeTag:
        File().type = Text(property.value, property.type);
        return;
      case kPropAttachData: {
        // An object's first sixteen bytes say which interface it has (MS-OXTNEF §2.1.3.4).
        std::string_view value = property.value;
        if (property.type == kObject) value.remove_prefix(std::min<size_t>(16, value.size()));
        if (value.empty()) return;
        File().bytes = Keep(value);
        File().message = IsTnef(value);
        return;
      }
      default:
        return;
    }
  }

  void MessageProperty(const Property& property) {
    if (property.id == kPropBody && tnef_.text.empty())
      tnef_.text = Keep(Text(property.value, property.type));
    if (property.id == kPropHtml)
      tnef_.html = property.type == kBinary ? Keep(property.value)
                                            : Keep(Text(property.value, property.type));
    if (property.id == kPropRtf)
      tnef_.rtf =
          Keep(DecompressRtf(property.value, limits_.bytes - std::min(kept_, limits_.bytes)));
  }

  Taker taker_;
  const TnefLimits& limits_;
  Tnef tnef_;
  std::string codepage_ = "windows-1252";
  size_t kept_ = 0;
};

}  // namespace

bool IsTnef(std::string_view bytes) { return Taker(bytes).U32() == kSignature; }

Tnef ReadTnef(std::string_view bytes, const TnefLimits& limits) {
  return Reader(bytes, limits).Run();
}

std::string DecompressRtf(std::string_view bytes, size_t most) {
  Taker taker(bytes);
  taker.U32();  // compressed size
  const size_t raw = std::min<size_t>(taker.U32(), most);
  const uint32_t kind = taker.U32();
  taker.U32();  // checksum
  if (taker.failed()) return {};
  if (kind == kUncompressed) return std::string(taker.rest().substr(0, raw));
  if (kind != kCompressed) return {};
  std::array<char, kDictionary> words{};
  std::ranges::copy(kFirstWords, words.begin());
  size_t write = kFirstWords.size();
  std::string out;
  const auto put = [&](char c) {
    out += c;
    words[write] = c;
    write = (write + 1) % kDictionary;
  };
  while (!taker.done() && out.size() < raw) {
    const uint8_t control = taker.U8();
    for (int bit = 0; bit < 8 && !taker.done() && out.size() < raw; ++bit) {
      if ((control >> bit & 1) == 0) {
        put(static_cast<char>(taker.U8()));
        continue;
      }
      const uint32_t high = taker.U8();
      const uint32_t reference = high << 8 | taker.U8();
      if (taker.failed()) return out;
      size_t from = reference >> 4;
      if (from == write) return out;  // the end's mark
      for (uint32_t i = 0; i < (reference & 15) + 2 && out.size() < raw; ++i) {
        put(words[from]);
        from = (from + 1) % kDictionary;
      }
    }
  }
  return out;
}

}  // namespace cleanmail::mail::mime
