#include "services/scanner/worker/file_type.h"

#include <algorithm>
#include <array>
#include <span>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "libs/base/cat.h"

namespace cleanmail::scanner::worker {
namespace {

using std::string_view_literals::operator""sv;
using Type = FileType;

struct Magic {
  size_t at;
  std::string_view bytes;
  Type type;
};

// In this order: longer and surer marks first.
constexpr Magic kMagics[] = {
    {0, "\xE4\x52\x5C\x7B\x8C\xD8\xA7\x4D\xAE\xB1\x53\x78\xD0\x29\x96\xD3"sv, Type::kOneNote},
    {0, "\x4C\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xC0\x00\x00\x00"sv, Type::kShortcut},
    {0, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, Type::kCompoundFile},
    {0, "Rar!\x1A\x07"sv, Type::kRar},
    {0, "7z\xBC\xAF\x27\x1C"sv, Type::kSevenZip},
    {0,
     "\xFD"
     "7zXZ\0"sv,
     Type::kXz},
    {0, "\x28\xB5\x2F\xFD"sv, Type::kZstd},
    {0, "\x04\x22\x4D\x18"sv, Type::kLz4},
    {0, "\x5D\x00\x00"sv, Type::kLzma},
    {0, "PK\x03\x04"sv, Type::kZip},
    {0, "PK\x05\x06"sv, Type::kZip},
    {0, "PK\x07\x08"sv, Type::kZip},
    {0, "\x1F\x8B"sv, Type::kGzip},
    {0, "BZh"sv, Type::kBzip2},
    {0, "\x1F\x9D"sv, Type::kCompress},
    {0, "MSCF\0\0\0\0"sv, Type::kCabinet},
    {257, "ustar"sv, Type::kTar},
    {2, "-lh"sv, Type::kLha},
    {2, "-lz"sv, Type::kLha},
    {7, "**ACE**"sv, Type::kAce},
    {0, "\x60\xEA"sv, Type::kArj},
    {32769, "CD001"sv, Type::kIso},
    {0, "07070"sv, Type::kCpio},
    {0, "!<arch>\n"sv, Type::kAr},
    {0, "%PDF-"sv, Type::kPdf},
    {0, "{\\rt"sv, Type::kRtf},
    {0,
     "\x7F"
     "ELF"sv,
     Type::kElf},
    {0, "\xCE\xFA\xED\xFE"sv, Type::kMachO},
    {0, "\xCF\xFA\xED\xFE"sv, Type::kMachO},
    {0, "\xFE\xED\xFA\xCE"sv, Type::kMachO},
    {0, "\xFE\xED\xFA\xCF"sv, Type::kMachO},
    {0, "ITSF"sv, Type::kCompiledHelp},
    {0, "conectix"sv, Type::kDiskImage},
    {0, "vhdxfile"sv, Type::kDiskImage},
    {0, "KDMV"sv, Type::kDiskImage},
    {0, "MSWIM\0\0\0"sv, Type::kDiskImage},
    {0, "\x89PNG\r\n\x1A\n"sv, Type::kPng},
    {0, "\xFF\xD8\xFF"sv, Type::kJpeg},
    {0, "GIF8"sv, Type::kGif},
    {8, "WEBP"sv, Type::kWebp},
    {0, "II*\0"sv, Type::kOtherPicture},
    {0, "MM\0*"sv, Type::kOtherPicture},
    {4, "ftypheic"sv, Type::kOtherPicture},
    {4, "ftypavif"sv, Type::kOtherPicture},
    {0, "ID3"sv, Type::kSound},
    {0, "OggS"sv, Type::kSound},
    {0, "fLaC"sv, Type::kSound},
    {0, "wOFF"sv, Type::kFont},
    {0, "wOF2"sv, Type::kFont},
    {0, "#!"sv, Type::kShellScript},
};

// 0xCAFEBABE begins both a Java class, whose major version follows, and a Mach-O of several
// machines, whose count of machines does.
Type ClassOrMachO(std::string_view bytes) {
  if (bytes.size() < 8) return Type::kUnknown;
  return bytes[4] == 0 && bytes[5] == 0 && bytes[6] == 0 && static_cast<uint8_t>(bytes[7]) < 30
             ? Type::kMachO
             : Type::kJavaClass;
}

bool LooksLikeText(std::string_view begin) {
  return !begin.empty() && std::ranges::none_of(begin, [](unsigned char c) {
    return c < 32 && c != '\n' && c != '\r' && c != '\t' && c != '\f' && c != 27;
  });
}

// Text in UTF-16 with its mark, one byte a character.
std::string Narrowed(std::string_view bytes) {
  const bool little = bytes.substr(0, 2) == "\xFF\xFE"sv;
  if (!little && bytes.substr(0, 2) != "\xFE\xFF"sv) return std::string(bytes);
  std::string narrow;
  for (size_t i = little ? 2 : 3; i < bytes.size(); i += 2) narrow.push_back(bytes[i]);
  return narrow;
}

Type KindOfText(std::string_view bytes) {
  const std::string begin = Narrowed(bytes.substr(0, 4096));
  if (!LooksLikeText(begin)) return Type::kUnknown;
  const std::string text = absl::AsciiStrToLower(begin);
  const auto has = [&text](std::string_view mark) { return text.find(mark) != std::string::npos; };
  if ((has("<svg") || has("<svg:svg")) && !has("<html")) return Type::kSvg;
  for (const char* mark : {"<html", "<!doctype html", "<script", "<body", "<head", "<iframe"}) {
    if (has(mark)) return Type::kHtml;
  }
  return Type::kText;
}

struct Named {
  std::string_view extension;
  std::string_view danger;
};

// What Windows runs, or opens in a way that runs something, by its name alone.
constexpr Named kDangerousNames[] = {
    {"exe", "a program for Windows"},
    {"scr", "a program for Windows (.scr)"},
    {"com", "a program for Windows (.com)"},
    {"pif", "a program for Windows (.pif)"},
    {"cpl", "a program for Windows (.cpl)"},
    {"dll", "a program library for Windows"},
    {"xll", "a program library for Excel (.xll)"},
    {"bat", "a script (.bat)"},
    {"cmd", "a script (.cmd)"},
    {"ps1", "a script (.ps1)"},
    {"psm1", "a script (.psm1)"},
    {"vbs", "a script (.vbs)"},
    {"vbe", "a script (.vbe)"},
    {"js", "a script (.js)"},
    {"jse", "a script (.jse)"},
    {"wsf", "a script (.wsf)"},
    {"wsh", "a script (.wsh)"},
    {"wsc", "a script (.wsc)"},
    {"sct", "a script (.sct)"},
    {"hta", "a program in HTML (.hta)"},
    {"msi", "an installer for Windows"},
    {"msp", "an installer for Windows (.msp)"},
    {"mst", "an installer for Windows (.mst)"},
    {"msix", "an installer for Windows (.msix)"},
    {"appx", "an installer for Windows (.appx)"},
    {"appinstaller", "an installer for Windows (.appinstaller)"},
    {"application", "an installer for Windows (.application)"},
    {"jar", "a program for Java"},
    {"jnlp", "a program for Java (.jnlp)"},
    {"reg", "changes to the Windows registry (.reg)"},
    {"inf", "setup instructions for Windows (.inf)"},
    {"scf", "a shell command for Windows (.scf)"},
    {"lnk", "a shortcut that runs a command (.lnk)"},
    {"url", "a shortcut to somewhere (.url)"},
    {"website", "a shortcut to somewhere (.website)"},
    {"search-ms", "a search on a foreign server"},
    {"library-ms", "a folder on a foreign server"},
    {"settingcontent-ms", "a shortcut that runs a command"},
    {"msc", "a management console (.msc)"},
    {"chm", "compiled help, which runs programs (.chm)"},
    {"iso", "a disk image (.iso)"},
    {"img", "a disk image (.img)"},
    {"vhd", "a disk image (.vhd)"},
    {"vhdx", "a disk image (.vhdx)"},
    {"one", "a OneNote file, which may hold programs"},
    {"iqy", "a query that loads formulas from the web (.iqy)"},
    {"slk", "a sheet that runs formulas (.slk)"},
    {"diagcab", "a troubleshooter that runs scripts"},
    {"desktop", "a shortcut that runs a command (.desktop)"},
    {"apk", "a program for Android"},
};

struct Expected {
  std::string_view extension;
  std::array<Type, 8> types;  // ends with kUnknown
};

constexpr Expected kExpected[] = {
    {"pdf", {Type::kPdf}},
    {"doc", {Type::kCompoundFile, Type::kRtf, Type::kZip, Type::kHtml}},
    {"xls", {Type::kCompoundFile, Type::kZip, Type::kHtml}},
    {"ppt", {Type::kCompoundFile, Type::kZip}},
    {"docx", {Type::kZip, Type::kCompoundFile}},  // encrypted ones are compound files
    {"xlsx", {Type::kZip, Type::kCompoundFile}},
    {"pptx", {Type::kZip, Type::kCompoundFile}},
    {"rtf", {Type::kRtf}},
    {"txt", {Type::kHtml}},
    {"csv", {Type::kHtml}},
    {"jpg", {Type::kJpeg, Type::kPng, Type::kGif, Type::kWebp, Type::kOtherPicture}},
    {"jpeg", {Type::kJpeg, Type::kPng, Type::kGif, Type::kWebp, Type::kOtherPicture}},
    {"png", {Type::kJpeg, Type::kPng, Type::kGif, Type::kWebp, Type::kOtherPicture}},
    {"gif", {Type::kJpeg, Type::kPng, Type::kGif, Type::kWebp, Type::kOtherPicture}},
    {"zip", {Type::kZip}},
    {"mp3", {Type::kSound}},
};

// Extensions of documents, behind which a program's hides.
constexpr std::string_view kDocumentNames[] = {
    "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "rtf", "txt", "csv", "jpg", "jpeg",
    "png", "gif", "mp3",  "mp4", "zip",  "htm", "html", "odt", "ods", "eml", "msg", "xml"};

}  // namespace

FileType TypeOf(std::string_view bytes) {
  for (const Magic& magic : kMagics) {
    if (bytes.size() > magic.at && bytes.substr(magic.at).starts_with(magic.bytes))
      return magic.type;
  }
  if (bytes.starts_with("\xCA\xFE\xBA\xBE"sv)) return ClassOrMachO(bytes);
  // "MZ" may also begin a text: a program has binary bytes soon behind it.
  if (bytes.starts_with("MZ"sv) && bytes.size() >= 64 && !LooksLikeText(bytes.substr(0, 64)))
    return Type::kWindowsProgram;
  if (bytes.starts_with("BM"sv) && bytes.size() > 14 && bytes.substr(6, 4) == "\0\0\0\0"sv)
    return Type::kOtherPicture;
  if (bytes.substr(0, 1024).find("%PDF-") != std::string_view::npos) return Type::kPdf;
  return KindOfText(bytes);
}

std::string_view MediaType(FileType type) {
  switch (type) {
    case Type::kText:
      return "text/plain";
    case Type::kHtml:
      return "text/html";
    case Type::kSvg:
      return "image/svg+xml";
    case Type::kPdf:
      return "application/pdf";
    case Type::kRtf:
      return "application/rtf";
    case Type::kCompoundFile:
      return "application/x-ole-storage";
    case Type::kZip:
      return "application/zip";
    case Type::kRar:
      return "application/vnd.rar";
    case Type::kSevenZip:
      return "application/x-7z-compressed";
    case Type::kTar:
      return "application/x-tar";
    case Type::kGzip:
      return "application/gzip";
    case Type::kBzip2:
      return "application/x-bzip2";
    case Type::kXz:
      return "application/x-xz";
    case Type::kLzma:
      return "application/x-lzma";
    case Type::kZstd:
      return "application/zstd";
    case Type::kLz4:
      return "application/x-lz4";
    case Type::kCompress:
      return "application/x-compress";
    case Type::kLha:
      return "application/x-lzh-compressed";
    case Type::kCabinet:
      return "application/vnd.ms-cab-compressed";
    case Type::kIso:
      return "application/x-iso9660-image";
    case Type::kCpio:
      return "application/x-cpio";
    case Type::kAr:
      return "application/x-archive";
    case Type::kArj:
      return "application/x-arj";
    case Type::kAce:
      return "application/x-ace-compressed";
    case Type::kWindowsProgram:
      return "application/vnd.microsoft.portable-executable";
    case Type::kElf:
      return "application/x-executable";
    case Type::kMachO:
      return "application/x-mach-binary";
    case Type::kJavaClass:
      return "application/java-vm";
    case Type::kShortcut:
      return "application/x-ms-shortcut";
    case Type::kCompiledHelp:
      return "application/vnd.ms-htmlhelp";
    case Type::kOneNote:
      return "application/onenote";
    case Type::kDiskImage:
      return "application/x-raw-disk-image";
    case Type::kPng:
      return "image/png";
    case Type::kJpeg:
      return "image/jpeg";
    case Type::kGif:
      return "image/gif";
    case Type::kWebp:
      return "image/webp";
    case Type::kOtherPicture:
      return "image/x-other";
    case Type::kSound:
      return "audio/x-other";
    case Type::kFont:
      return "font/woff";
    case Type::kShellScript:
      return "text/x-shellscript";
    case Type::kUnknown:
      break;
  }
  return "application/octet-stream";
}

bool IsArchive(FileType type) {
  constexpr Type kArchives[] = {Type::kZip,  Type::kRar,  Type::kSevenZip, Type::kTar,
                                Type::kGzip, Type::kXz,   Type::kBzip2,    Type::kLzma,
                                Type::kZstd, Type::kLz4,  Type::kCompress, Type::kLha,
                                Type::kIso,  Type::kCpio, Type::kAr,       Type::kCabinet};
  return std::ranges::find(kArchives, type) != std::end(kArchives);
}

bool IsPicture(FileType type) {
  return type == Type::kPng || type == Type::kJpeg || type == Type::kGif || type == Type::kWebp;
}

std::string ExtensionOf(std::string_view name) {
  // Windows passes over dots and spaces at the end of a name.
  while (!name.empty() && (name.back() == '.' || name.back() == ' ')) name.remove_suffix(1);
  const size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.size() - dot > 25) return "";
  return absl::AsciiStrToLower(base::AbslView(name.substr(dot + 1)));
}

std::string_view DangerOf(FileType type, std::string_view extension) {
  switch (type) {
    case Type::kWindowsProgram:
      return "a program for Windows";
    case Type::kElf:
      return "a program for Linux";
    case Type::kMachO:
      return "a program for macOS";
    case Type::kJavaClass:
      return "a program for Java";
    case Type::kShortcut:
      return "a shortcut that runs a command (.lnk)";
    case Type::kCompiledHelp:
      return "compiled help, which runs programs (.chm)";
    case Type::kOneNote:
      return "a OneNote file, which may hold programs";
    case Type::kDiskImage:
    case Type::kIso:
      return "a disk image";
    case Type::kAce:
      return "an ACE archive, whose unpackers are broken";
    default:
      break;
  }
  const auto* const named = std::ranges::find(kDangerousNames, extension, &Named::extension);
  return named == std::end(kDangerousNames) ? "" : named->danger;
}

bool Contradicts(FileType type, std::string_view extension) {
  if (type == Type::kUnknown || type == Type::kText) return false;
  const auto* const expected = std::ranges::find(kExpected, extension, &Expected::extension);
  return expected != std::end(kExpected) &&
         std::ranges::find(expected->types, type) == expected->types.end();
}

bool HasDoubleExtension(std::string_view name) {
  while (!name.empty() && (name.back() == '.' || name.back() == ' ')) name.remove_suffix(1);
  const std::string last = ExtensionOf(name);
  if (last.empty() || DangerOf(Type::kUnknown, last).empty()) return false;
  std::string_view rest = name.substr(0, name.size() - last.size() - 1);
  while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);  // "invoice.pdf      .exe"
  const std::string before = ExtensionOf(rest);
  return std::ranges::find(kDocumentNames, before) != std::end(kDocumentNames);
}

bool HasReversedText(std::string_view name) {
  for (const std::string_view mark : {"\u202E", "\u202D", "\u202B", "\u2066", "\u2067", "\u2068"}) {
    if (name.find(mark) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace cleanmail::scanner::worker
