#pragma once

#include <string>
#include <string_view>
#include <vector>

// Files made for tests: archives, documents, pictures.
namespace cleanmail::scanner::worker {

struct NamedFile {
  std::string name;
  std::string bytes;
};

// "zip", "tar", "7zip", "cpio", "iso9660", "ar", "cab" is not written by libarchive; with a
// password a zip is encrypted ("zipcrypt" or "aes256"). `filter` "gzip", "bzip2", "xz", "zstd",
// "none".
struct ArchiveOptions {
  std::string format = "zip";
  std::string filter = "none";
  std::string password = {};
  std::string encryption = "zipcrypt";
};
std::string MakeArchive(const std::vector<NamedFile>& files, const ArchiveOptions& options = {});

// One file through one filter, no archive around it.
std::string Compress(std::string_view bytes, const std::string& filter);

// A compound file of streams named by their paths, "Macros/VBA/Module1"; short ones in small
// sectors.
std::string MakeCompoundFile(const std::vector<NamedFile>& streams);

// VBA source as a module's stream holds it, in literal tokens ([MS-OVBA] §2.4.1).
std::string CompressVba(std::string_view source);

// A Word document of the older kind with one module of this source.
std::string MakeMacroDocument(std::string_view source);

// A PNG of the QR code for `text`.
std::string MakeQrPng(const std::string& text);

// A TNEF stream ([MS-OXTNEF]) that holds one file.
std::string MakeTnef(const std::string& name, std::string_view bytes);

// A mail of a text and one file in base64, as SMTP brings it.
std::string MailWithFile(std::string_view text, const std::string& name, std::string_view bytes,
                         std::string_view type = "application/octet-stream");

}  // namespace cleanmail::scanner::worker
