#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scanner/worker/file_type.h"

namespace cleanmail::scanner::worker {

// A picture in shades of grey, row by row.
struct GreyPicture {
  int width = 0;
  int height = 0;
  std::vector<uint8_t> pixels;
};

// Decodes a PNG, JPEG, GIF (its first frame) or WebP of at most `most_pixels`. ResourceExhausted:
// larger than that. InvalidArgument: cannot be decoded.
absl::StatusOr<GreyPicture> DecodePicture(FileType type, std::string_view bytes,
                                          int64_t most_pixels);

// The texts of all QR, Aztec and Data Matrix codes; at most 20 of at most 2,000 bytes each.
std::vector<std::string> ReadCodes(const GreyPicture& picture);

// The link a code's text stands for: itself, or what is within "URLTO:"; empty when it is none.
std::string LinkOf(std::string_view code);

}  // namespace cleanmail::scanner::worker
