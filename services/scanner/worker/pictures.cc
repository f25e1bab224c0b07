#define ZX_USE_UTF8  // its texts are std::string

#include "services/scanner/worker/pictures.h"

#include <algorithm>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <exception>
#include <memory>

#include <ZXing/ReadBarcode.h>
#include <gif_lib.h>
#include <jpeglib.h>
#include <png.h>
#include <webp/decode.h>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {
namespace {

constexpr size_t kMostCodes = 20;
constexpr size_t kLongestCode = 2000;

absl::Status Broken(std::string_view what) { return absl::InvalidArgumentError(base::Cat(what)); }

absl::Status CheckSize(int64_t width, int64_t height, int64_t most) {
  if (width <= 0 || height <= 0 || width > 100'000 || height > 100'000)
    return Broken("a picture without a size");
  if (width * height > most) return absl::ResourceExhaustedError("a picture of too many pixels");
  return absl::OkStatus();
}

GreyPicture Empty(int64_t width, int64_t height) {
  return {.width = static_cast<int>(width),
          .height = static_cast<int>(height),
          .pixels = std::vector<uint8_t>(static_cast<size_t>(width * height), 255)};
}

absl::StatusOr<GreyPicture> DecodePng(std::string_view bytes, int64_t most) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_memory(&image, bytes.data(), bytes.size()) == 0)
    return Broken(image.message);
  if (const absl::Status size = CheckSize(image.width, image.height, most); !size.ok()) {
    png_image_free(&image);
    return size;
  }
  image.format = PNG_FORMAT_GRAY;
  GreyPicture picture = Empty(image.width, image.height);
  const png_color white = {255, 255, 255};  // what is transparent is shown on white
  if (png_image_finish_read(&image, &white, picture.pixels.data(), 0, nullptr) == 0)
    return Broken(image.message);
  return picture;
}

struct JpegErrors {
  jpeg_error_mgr base;  // first: libjpeg knows only this
  std::jmp_buf back;
};

// libjpeg reports by a jump: nothing with a destructor may live in this frame.
bool ReadJpeg(jpeg_decompress_struct& jpeg, JpegErrors& errors, std::string_view bytes,
              int64_t most, GreyPicture* picture, bool* too_large) {
  if (setjmp(errors.back) != 0) return false;
  jpeg_create_decompress(&jpeg);
  jpeg_mem_src(&jpeg, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size());
  if (jpeg_read_header(&jpeg, TRUE) != JPEG_HEADER_OK) return false;
  jpeg.out_color_space = JCS_GRAYSCALE;
  // A photograph of 50 megapixels needs no more than a quarter of them to find a code.
  jpeg.scale_num = 1;
  jpeg.scale_denom = int64_t{jpeg.image_width} * jpeg.image_height > most / 2 ? 4 : 1;
  jpeg_calc_output_dimensions(&jpeg);
  if (int64_t{jpeg.output_width} * jpeg.output_height > most || jpeg.output_width > 100'000) {
    *too_large = true;
    return false;
  }
  jpeg_start_decompress(&jpeg);
  picture->width = static_cast<int>(jpeg.output_width);
  picture->height = static_cast<int>(jpeg.output_height);
  picture->pixels.assign(size_t{jpeg.output_width} * jpeg.output_height, 255);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW row = picture->pixels.data() + size_t{jpeg.output_scanline} * jpeg.output_width;
    jpeg_read_scanlines(&jpeg, &row, 1);
  }
  return true;
}

absl::StatusOr<GreyPicture> DecodeJpeg(std::string_view bytes, int64_t most) {
  jpeg_decompress_struct jpeg = {};
  JpegErrors errors = {};
  jpeg.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = [](j_common_ptr info) {
    std::longjmp(reinterpret_cast<JpegErrors*>(info->err)->back, 1);
  };
  errors.base.emit_message = [](j_common_ptr, int) {};
  errors.base.output_message = [](j_common_ptr) {};
  GreyPicture picture;
  bool too_large = false;
  const bool read = ReadJpeg(jpeg, errors, bytes, most, &picture, &too_large);
  jpeg_destroy_decompress(&jpeg);
  if (too_large) return absl::ResourceExhaustedError("a picture of too many pixels");
  // What a broken file leaves may still show a code: programs show it, too.
  if (!read && picture.pixels.empty()) return Broken("no JPEG");
  return picture;
}

int ReadGifBytes(GifFileType* gif, GifByteType* to, int size) {
  auto& left = *static_cast<std::string_view*>(gif->UserData);
  const size_t take = std::min(left.size(), static_cast<size_t>(size));
  std::memcpy(to, left.data(), take);
  left.remove_prefix(take);
  return static_cast<int>(take);
}

void ReadGifFrame(GifFileType* gif, GreyPicture& picture) {
  const ColorMapObject* const colors =
      gif->Image.ColorMap != nullptr ? gif->Image.ColorMap : gif->SColorMap;
  std::vector<GifPixelType> row(static_cast<size_t>(gif->Image.Width));
  // Where rows stand that come interlaced: four passes (GIF89a, appendix E).
  constexpr int kStart[] = {0, 4, 2, 1}, kStep[] = {8, 8, 4, 2};
  const int passes = gif->Image.Interlace ? 4 : 1;
  for (int pass = 0; pass < passes; ++pass) {
    const int step = gif->Image.Interlace ? kStep[pass] : 1;
    for (int y = gif->Image.Interlace ? kStart[pass] : 0; y < gif->Image.Height; y += step) {
      if (DGifGetLine(gif, row.data(), gif->Image.Width) == GIF_ERROR) return;
      uint8_t* const to = picture.pixels.data() + static_cast<size_t>(y) * row.size();
      for (size_t x = 0; x < row.size(); ++x) {
        if (colors == nullptr || row[x] >= colors->ColorCount) continue;
        const GifColorType& c = colors->Colors[row[x]];
        to[x] = static_cast<uint8_t>((306 * c.Red + 601 * c.Green + 117 * c.Blue) >> 10);
      }
    }
  }
}

absl::StatusOr<GreyPicture> DecodeGif(std::string_view bytes, int64_t most) {
  int error = 0;
  struct Close {
    void operator()(GifFileType* gif) const { DGifCloseFile(gif, nullptr); }
  };
  const std::unique_ptr<GifFileType, Close> gif(DGifOpen(&bytes, &ReadGifBytes, &error));
  if (gif == nullptr) return Broken("no GIF");
  GifRecordType record = UNDEFINED_RECORD_TYPE;
  for (int i = 0; i < 1000 && DGifGetRecordType(gif.get(), &record) == GIF_OK; ++i) {
    if (record == EXTENSION_RECORD_TYPE) {
      int code = 0;
      GifByteType* block = nullptr;
      if (DGifGetExtension(gif.get(), &code, &block) == GIF_ERROR) break;
      while (block != nullptr && DGifGetExtensionNext(gif.get(), &block) == GIF_OK) {
      }
    } else if (record == IMAGE_DESC_RECORD_TYPE) {
      if (DGifGetImageDesc(gif.get()) == GIF_ERROR) break;
      const absl::Status size = CheckSize(gif->Image.Width, gif->Image.Height, most);
      if (!size.ok()) return size;
      GreyPicture picture = Empty(gif->Image.Width, gif->Image.Height);
      ReadGifFrame(gif.get(), picture);
      return picture;
    } else {
      break;
    }
  }
  return Broken("a GIF without a picture");
}

absl::StatusOr<GreyPicture> DecodeWebp(std::string_view bytes, int64_t most) {
  const auto* const data = reinterpret_cast<const uint8_t*>(bytes.data());
  int width = 0, height = 0;
  if (WebPGetInfo(data, bytes.size(), &width, &height) == 0) return Broken("no WebP");
  if (const absl::Status size = CheckSize(width, height, most); !size.ok()) return size;
  uint8_t *u = nullptr, *v = nullptr;
  int stride = 0, uv_stride = 0;
  uint8_t* const y =
      WebPDecodeYUV(data, bytes.size(), &width, &height, &u, &v, &stride, &uv_stride);
  if (y == nullptr) return Broken("no WebP");
  GreyPicture picture = Empty(width, height);
  for (int row = 0; row < height; ++row) {
    std::memcpy(picture.pixels.data() + int64_t{row} * width, y + int64_t{row} * stride,
                static_cast<size_t>(width));
  }
  WebPFree(y);
  return picture;
}

}  // namespace

absl::StatusOr<GreyPicture> DecodePicture(FileType type, std::string_view bytes,
                                          int64_t most_pixels) {
  switch (type) {
    case FileType::kPng:
      return DecodePng(bytes, most_pixels);
    case FileType::kJpeg:
      return DecodeJpeg(bytes, most_pixels);
    case FileType::kGif:
      return DecodeGif(bytes, most_pixels);
    case FileType::kWebp:
      return DecodeWebp(bytes, most_pixels);
    default:
      return Broken("no picture");
  }
}

std::vector<std::string> ReadCodes(const GreyPicture& picture) {
  std::vector<std::string> codes;
  if (picture.width < 16 || picture.height < 16) return codes;
  ZXing::DecodeHints hints;
  hints.setFormats(ZXing::BarcodeFormat::QRCode | ZXing::BarcodeFormat::MicroQRCode |
                   ZXing::BarcodeFormat::Aztec | ZXing::BarcodeFormat::DataMatrix);
  hints.setMaxNumberOfSymbols(kMostCodes);
  hints.setTryHarder(true);
  try {
    const ZXing::ImageView view(picture.pixels.data(), picture.width, picture.height,
                                ZXing::ImageFormat::Lum);
    for (const ZXing::Result& result : ZXing::ReadBarcodes(view, hints)) {
      std::string text = result.text();
      if (result.isValid() && !text.empty() && codes.size() < kMostCodes)
        codes.push_back(text.substr(0, kLongestCode));
    }
  } catch (const std::exception&) {  // the library's; no code could be read
  }
  return codes;
}

std::string LinkOf(std::string_view code) {
  const absl::string_view text = absl::StripAsciiWhitespace(base::AbslView(code));
  const std::string lower = absl::AsciiStrToLower(text);
  if (absl::StartsWith(lower, "urlto:")) return std::string(text.substr(6));
  for (const char* scheme : {"http://", "https://", "www."}) {
    if (absl::StartsWith(lower, scheme)) return std::string(text);
  }
  // "example.com/pay": phones open that, too. At least a dot within, a slash behind, and no space.
  const size_t slash = lower.find('/');
  if (lower.find(' ') == std::string::npos && slash != std::string::npos &&
      lower.find('.') < slash && lower.find(':') == std::string::npos)
    return std::string(text);
  return "";
}

}  // namespace cleanmail::scanner::worker
