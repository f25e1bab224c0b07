#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "services/scanner/worker/compound_file.h"

namespace cleanmail::scanner::worker {

// A file within a document or a message.
struct ContainedFile {
  std::string name;  // may be empty; hostile
  std::string bytes;
};

// Each at most `most_files` of at most `most_bytes`, longer ones cut; total over any bytes.

// What is packed into an older Office document (Ole10Native, [MS-OLEDS] §2.3.6) or attached to a
// message of Outlook's ([MS-OXMSG] §2.2.2).
std::vector<ContainedFile> FilesOfCompoundFile(const CompoundFile& file, size_t most_files,
                                               size_t most_bytes);
// What lies in a OneNote section ([MS-ONESTORE] §2.6.13).
std::vector<ContainedFile> FilesOfOneNote(std::string_view bytes, size_t most_files,
                                          size_t most_bytes);
// Files and texts of a message that came as a file.
std::vector<ContainedFile> FilesOfMail(std::string_view bytes, size_t most_files,
                                       size_t most_bytes);
// Text that begins with header fields of a message, two of them such as every message has.
bool LooksLikeMail(std::string_view bytes);

}  // namespace cleanmail::scanner::worker
