// mime_parts FILE...: what libs/mail/mime sees in each message, a JSON line a content:
//   {"file", "number", "type", "names", "sha256", "flat" (sha256 without white space), "size",
//   "origin", "attachment", "text"}
// and one with "ambiguities" and "differs" a message. `-` reads names of files from standard input.
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "libs/base/cat.h"
#include "libs/crypto/hash.h"
#include "libs/mail/mime/contents.h"

namespace {

namespace mime = cleanmail::mail::mime;
using cleanmail::base::Cat;

std::string Quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string WithoutBlanks(std::string_view text) {
  std::string kept;
  for (const char c : text) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') kept += c;
  }
  return kept;
}

void Print(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string message{std::istreambuf_iterator<char>(in), {}};
  const mime::Contents contents = mime::ReadContents(message, mime::FindEntities(message));
  for (const mime::Content& one : contents.list) {
    std::string names;
    for (const std::string& name : one.names) names += Cat(names.empty() ? "" : ",", Quoted(name));
    std::cout << Cat("{\"file\":", Quoted(file), ",\"number\":", Quoted(one.number),
                     ",\"type\":", Quoted(one.type), ",\"names\":[", names, "],\"sha256\":\"",
                     cleanmail::crypto::Sha256Hex(one.decoded()), "\",\"flat\":\"",
                     cleanmail::crypto::Sha256Hex(WithoutBlanks(one.decoded())),
                     "\",\"size\":", one.decoded().size(), ",\"origin\":", Quoted(one.origin),
                     ",\"attachment\":", one.attachment ? "true" : "false", "}\n");
  }
  std::string kinds;
  for (const mime::Ambiguity& one : contents.ambiguities)
    kinds += Cat(kinds.empty() ? "" : ",", Quoted(Describe(one.kind)));
  std::cout << Cat("{\"file\":", Quoted(file), ",\"ambiguities\":[", kinds,
                   "],\"differs\":", contents.differs ? "true" : "false", "}\n");
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    if (std::string_view(argv[i]) != "-") {
      Print(argv[i]);
      continue;
    }
    for (std::string line; std::getline(std::cin, line);) Print(line);
  }
  return 0;
}
