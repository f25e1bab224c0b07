#pragma once

#include <string>
#include <string_view>

namespace cleanmail::scanner::worker {

// What a file is, by its bytes alone.
enum class FileType {
  kUnknown,
  kText,
  kHtml,
  kSvg,
  kPdf,
  kRtf,
  kCompoundFile,  // OLE: the older Office documents, .msg, .msi
  kZip,
  kRar,
  kSevenZip,
  kTar,
  kGzip,
  kBzip2,
  kXz,
  kLzma,
  kZstd,
  kLz4,
  kCompress,
  kLha,
  kCabinet,
  kIso,
  kCpio,
  kAr,
  kArj,
  kAce,
  kWindowsProgram,  // PE, and what DOS runs
  kElf,
  kMachO,
  kJavaClass,
  kShortcut,  // .lnk
  kCompiledHelp,
  kOneNote,
  kDiskImage,  // VHD, VHDX, VMDK, Windows images
  kPng,
  kJpeg,
  kGif,
  kWebp,
  kOtherPicture,
  kSound,
  kFont,
  kShellScript,  // begins with #!
};

FileType TypeOf(std::string_view bytes);

// "application/zip"; "application/octet-stream" for what is not known.
std::string_view MediaType(FileType type);

// libarchive may be asked to unpack it.
bool IsArchive(FileType type);
bool IsPicture(FileType type);

// Text behind the last dot, lower case; empty without one.
std::string ExtensionOf(std::string_view name);

// Why somebody should not get such a file by mail: "a program for Windows", "a script (.vbs)".
// Empty when there is no reason. By content, and by name where a name alone makes Windows run it.
std::string_view DangerOf(FileType type, std::string_view extension);

// The content is something else than the extension promises, and not a harmless neighbour of it.
bool Contradicts(FileType type, std::string_view extension);

// Names made to look like another type.
bool HasDoubleExtension(std::string_view name);
bool HasReversedText(std::string_view name);  // bidirectional overrides

}  // namespace cleanmail::scanner::worker
