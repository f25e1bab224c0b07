#include "libs/mail/mime/cms.h"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace cleanmail::mail::mime {
namespace {

constexpr std::string_view kPkcs7 = "\x2a\x86\x48\x86\xf7\x0d\x01\x07";
constexpr std::string_view kCompressedData = "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x10\x01\x09";

constexpr uint8_t kOctets = 0x04;
constexpr uint8_t kConstructedOctets = 0x24;
constexpr uint8_t kObjectId = 0x06;
constexpr uint8_t kSequence = 0x30;
constexpr uint8_t kTagged0 = 0xa0;

struct Header {
  uint8_t tag = 0;
  std::optional<size_t> length;  // nullopt: up to the end-of-contents octets
};

// Walks over the elements of a BER text (X.690 §8.1), in and beside.
class Walk {
 public:
  explicit Walk(std::string_view bytes) : rest_(bytes) {}

  std::optional<Header> Take() {
    if (rest_.size() < 2) return std::nullopt;
    Header header{.tag = static_cast<uint8_t>(rest_[0]), .length = {}};
    const auto first = static_cast<uint8_t>(rest_[1]);
    rest_.remove_prefix(2);
    if ((header.tag & 0x1f) == 0x1f) return std::nullopt;  // long tags do not occur here
    if (first == 0x80) return header;
    size_t length = first;
    if (first > 0x80) {
      const size_t count = first & 0x7f;
      if (count > 4 || count > rest_.size()) return std::nullopt;
      length = 0;
      for (size_t i = 0; i < count; ++i)
        length = length << 8 | static_cast<unsigned char>(rest_[i]);
      rest_.remove_prefix(count);
    }
    header.length = length;
    return header;
  }

  // Goes into the next element if it has that tag.
  bool Enter(uint8_t tag) {
    const std::optional<Header> header = Take();
    return header && header->tag == tag;
  }

  std::string_view Value(size_t length) {
    const std::string_view value = rest_.substr(0, length);
    rest_.remove_prefix(value.size());
    return value;
  }

  // Goes behind the next element.
  bool Skip() {
    size_t open = 0;
    do {
      const std::optional<Header> header = Take();
      if (!header) return false;
      if (header->tag == 0 && header->length == 0U) {
        if (open == 0) return false;
        --open;
      } else if (!header->length) {
        ++open;
      } else {
        Value(*header->length);
      }
    } while (open > 0);
    return true;
  }

  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

Cms::Kind KindOf(std::string_view id) {
  if (id == kCompressedData) return Cms::Kind::kCompressed;
  if (!id.starts_with(kPkcs7) || id.size() != kPkcs7.size() + 1) return Cms::Kind::kNone;
  switch (id.back()) {
    case 2:
      return Cms::Kind::kSigned;
    case 3:
      return Cms::Kind::kEnveloped;
    default:
      return Cms::Kind::kOther;
  }
}

// The octets of a string that may be written in pieces.
std::string TakeOctets(Walk& walk) {
  std::string octets;
  bool pieces = false;
  while (const std::optional<Header> header = walk.Take()) {
    if (header->tag == kConstructedOctets) {
      pieces = true;
    } else if (header->tag == kOctets && header->length) {
      octets += walk.Value(*header->length);
      if (!pieces) break;
    } else {
      break;
    }
  }
  return octets;
}

}  // namespace

Cms ReadCms(std::string_view bytes) {
  Cms cms;
  Walk walk(bytes);
  if (!walk.Enter(kSequence)) return cms;
  const std::optional<Header> id = walk.Take();
  if (!id || id->tag != kObjectId || !id->length) return cms;
  cms.kind = KindOf(walk.Value(*id->length));
  if (cms.kind != Cms::Kind::kSigned) return cms;
  // SignedData: version, digestAlgorithms, encapContentInfo { type, [0] content }.
  if (!walk.Enter(kTagged0) || !walk.Enter(kSequence) || !walk.Skip() || !walk.Skip() ||
      !walk.Enter(kSequence) || !walk.Skip() || !walk.Enter(kTagged0))
    return cms;
  cms.content = TakeOctets(walk);
  return cms;
}

}  // namespace cleanmail::mail::mime
