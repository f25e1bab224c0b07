#include <algorithm>
#include <map>
#include <set>

#include "services/scanner/analyzers/spam/plugins/eval.h"
#include "services/scanner/analyzers/spam/reading/ascii.h"

namespace cleanmail::scanner::spam {
namespace {

struct Size {
  double width = 0;
  double height = 0;
};

// The pictures of a message, by type ("gif", "png", "jpeg", "all").
struct Images {
  std::map<std::string, double> counts;
  std::map<std::string, double> pixels;
  std::map<std::string, std::vector<Size>> sizes;
  std::set<std::string> names;
};

double Big(std::string_view bytes, size_t at, size_t length) {
  double value = 0;
  for (size_t i = 0; i < length && at + i < bytes.size(); ++i)
    value = value * 256 + static_cast<unsigned char>(bytes[at + i]);
  return value;
}

Size GifSize(std::string_view bytes) {
  if (bytes.size() < 10 || !bytes.starts_with("GIF8")) return {};
  const auto little = [&](size_t at) {
    return static_cast<double>(static_cast<unsigned char>(bytes[at]) +
                               256 * static_cast<unsigned char>(bytes[at + 1]));
  };
  return {little(6), little(8)};
}

Size PngSize(std::string_view bytes) {
  if (!bytes.starts_with("\x89PNG\r\n\x1a\n") || bytes.substr(12, 4) != "IHDR") return {};
  return {Big(bytes, 16, 4), Big(bytes, 20, 4)};
}

Size JpegSize(std::string_view bytes) {
  if (!bytes.starts_with("\xff\xd8")) return {};
  for (size_t at = 2; at + 9 < bytes.size();) {
    const auto mark = static_cast<unsigned char>(bytes[at + 1]);
    const auto length = static_cast<size_t>(Big(bytes, at + 2, 2));
    if (static_cast<unsigned char>(bytes[at]) != 0xff || mark == 0xda || mark == 0xd9 || length < 2)
      return {};
    // Start-of-frame marks, but for those of tables.
    if (mark >= 0xc0 && mark <= 0xcf && mark != 0xc4 && mark != 0xc8 && mark != 0xcc)
      return {Big(bytes, at + 7, 2), Big(bytes, at + 5, 2)};
    at += 2 + length;
  }
  return {};
}

Images ImagesOf(const MailView& mail) {
  Images images;
  for (const Part* part : mail.tree().Leaves()) {
    const bool jpeg = part->type == "image/jpeg" || part->type == "image/jpg";
    if (!jpeg && part->type != "image/gif" && part->type != "image/png") continue;
    if (!SameLetters(part->header.Last("content-transfer-encoding"), "base64")) continue;
    const std::string type = jpeg ? "jpeg" : part->type.substr(6);
    const std::string bytes = part->Decoded();
    const Size size = jpeg ? JpegSize(bytes) : type == "gif" ? GifSize(bytes) : PngSize(bytes);
    for (const std::string& kind : {type, std::string("all")}) {
      ++images.counts[kind];
      if (size.width == 0 || size.height == 0) continue;
      images.pixels[kind] += size.width * size.height;
      images.sizes[kind].push_back(size);
    }
    if (size.width > 0 && size.height > 0 && !part->name.empty()) images.names.insert(part->name);
  }
  return images;
}

const Images& All(const EvalCall& call) { return call.mail.Remember<Images>(ImagesOf); }

double ValueOf(const std::map<std::string, double>& values, const std::string& type) {
  const auto found = values.find(type);
  return found == values.end() ? 0 : found->second;
}

bool IsBetween(const EvalCall& call, double value) {
  return value >= call.Number(1, 0) && (call.arguments.size() < 3 || value <= call.Number(2, 0));
}

double Count(const EvalCall& call) {
  return IsBetween(call, ValueOf(All(call).counts, call.Text(0))) ? 1 : 0;
}

double PixelCoverage(const EvalCall& call) {
  return IsBetween(call, ValueOf(All(call).pixels, call.Text(0))) ? 1 : 0;
}

double ToTextRatio(const EvalCall& call) {
  const double pixels = ValueOf(All(call).pixels, call.Text(0));
  double bytes = 0;
  for (const std::string& line : call.mail.body()) bytes += static_cast<double>(line.size());
  if (pixels <= 0 || bytes <= 0) return 0;
  const double ratio = bytes / pixels;
  return ratio >= call.Number(1, 0) && ratio < call.Number(2, 0) ? 1 : 0;
}

double SizeExact(const EvalCall& call) {
  const auto sizes = All(call).sizes.find(call.Text(0));
  if (sizes == All(call).sizes.end()) return 0;
  return std::any_of(sizes->second.begin(), sizes->second.end(),
                     [&](const Size& size) {
                       return size.height == call.Number(1, -1) && size.width == call.Number(2, -1);
                     })
             ? 1
             : 0;
}

double SizeRange(const EvalCall& call) {
  const auto sizes = All(call).sizes.find(call.Text(0));
  if (sizes == All(call).sizes.end()) return 0;
  return std::any_of(sizes->second.begin(), sizes->second.end(),
                     [&](const Size& size) {
                       return size.height >= call.Number(1, 0) && size.width >= call.Number(2, 0) &&
                              size.height <= call.Number(3, 1e12) &&
                              size.width <= call.Number(4, 1e12);
                     })
             ? 1
             : 0;
}

double Named(const EvalCall& call) { return All(call).names.count(call.Text(0)) != 0 ? 1 : 0; }

double NameMatches(const EvalCall& call) {
  const std::set<std::string>& names = All(call).names;
  return call.pattern != nullptr &&
                 std::any_of(names.begin(), names.end(),
                             [&](const std::string& name) { return call.pattern->Matches(name); })
             ? 1
             : 0;
}

constexpr EvalFunction kFunctions[] = {
    {"image_count", Count},
    {"pixel_coverage", PixelCoverage},
    {"image_to_text_ratio", ToTextRatio},
    {"image_size_exact", SizeExact},
    {"image_size_range", SizeRange},
    {"image_named", Named},
    {"image_name_regex", NameMatches, EvalNeed::kNothing, 0},
};

}  // namespace

std::span<const EvalFunction> ImageFunctions() { return kFunctions; }

}  // namespace cleanmail::scanner::spam
