#include "services/cli/files.h"

#include <fstream>
#include <iostream>
#include <iterator>

#include "libs/base/cat.h"

namespace cleanmail::cli {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file;
  if (path != "-") file.open(path, std::ios::binary);
  std::istream& in = path == "-" ? std::cin : file;
  if (!in) return absl::NotFoundError(base::Cat("the file ", path, " cannot be read"));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace cleanmail::cli
